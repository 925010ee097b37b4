//! Which versions to take, when the project does not say: a resolver chooses them for the target's Python. It is uv where that
//! is installed, else the pip of the target's suite ([`Pip`]), and what it chose is walked once more by [`gather`](super::gather()),
//! which trusts neither. It gets wheels alone: of source code it would run what nobody has checked, to find out what that needs.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde::Deserialize;
use url::Url;

use super::source::CONFLICT;
use super::{PythonError, PythonTarget};

/// The newest glibc that uv knows as a platform (`--python-platform`), and the older ones before its gap.
const UV_GLIBC: (u32, u32) = (31, 40);

/// The pip of the target's suite, on the Python that the libraries are for.
pub trait Pip {
    /// Runs `pip install` for a file of requirements and one of constraints, of which it only makes its report.
    ///
    /// # Errors
    /// When pip cannot be run. That it finds no versions is not an error.
    fn report(&self, asked: &PipRequest<'_>) -> miette::Result<PipAnswer>;
}

/// A question to pip: for which requirements are there versions in this index?
pub struct PipRequest<'a> {
    pub arguments: &'a [&'a str],
    /// The files that [`Pip::report`] names to pip.
    pub requirements: &'a str,
    pub constraints: &'a str,
    pub index: &'a Url,
    /// A folder with further wheels.
    pub made: &'a Path,
}

/// The answer of pip, whether it found versions or not.
pub struct PipAnswer {
    /// Its installation report; `None` if it has failed.
    pub report: Option<Vec<u8>>,
    pub output: String,
    pub errors: String,
}

/// The outcome of a search for versions by uv or pip.
pub(super) enum Resolved {
    /// Lines of a file of requirements: each library with its version, and with digests if the resolver says them.
    Lines(Vec<String>),
    /// There are no versions that fit together.
    Unsolved { by: &'static str, said: String },
}

/// Asks uv; `None` if that is not installed. The folder `made` has further wheels.
///
/// # Errors
/// When a temporary file cannot be written.
pub(super) fn by_uv(
    requirements: &str,
    constraints: &str,
    target: &PythonTarget,
    index: &Url,
    made: &Path,
) -> Result<Option<Resolved>, PythonError> {
    let unwritable = |source| PythonError::Unreadable { path: "a temporary file".to_owned(), source };
    let folder = tempfile::tempdir().map_err(unwritable)?;
    let [asked, limits] = ["requirements.in", "constraints.in"].map(|name| folder.path().join(name));
    fs::write(&asked, requirements).map_err(unwritable)?;
    fs::write(&limits, constraints).map_err(unwritable)?;
    Ok(uv(&asked, &limits, made, target, index).map(|output| resolved_by_uv(&output)))
}

/// `None` when uv is not installed.
fn uv(asked: &Path, limits: &Path, made: &Path, target: &PythonTarget, index: &Url) -> Option<Output> {
    let (least, most) = UV_GLIBC;
    let glibc = if target.glibc.1 < least { 28 } else { target.glibc.1.min(most) };
    let mut command = Command::new("uv");
    command.args(["pip", "compile", "--quiet", "--no-header", "--no-annotate", "--only-binary", ":all:"]);
    command.args(["--no-python-downloads", "--python-version", &target.full.to_string()]);
    command.args(["--python-platform", &format!("x86_64-manylinux_2_{glibc}")]);
    // Through the environment, so that a password is in no list of processes.
    command.env("UV_DEFAULT_INDEX", index.as_str()).env_remove("UV_INDEX_URL").env_remove("UV_EXTRA_INDEX_URL");
    command.arg("--find-links").arg(made);
    command.arg("--constraints").arg(limits).arg(asked).output().ok()
}

fn resolved_by_uv(output: &Output) -> Resolved {
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Resolved::Unsolved { by: "uv", said };
    }
    Resolved::Lines(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

/// Asks the suite's pip. The folder `made` has further wheels.
///
/// # Errors
/// When pip cannot be run, or its report cannot be read.
pub(super) fn by_pip(
    requirements: &str,
    constraints: &str,
    index: &Url,
    made: &Path,
    pip: &dyn Pip,
) -> miette::Result<Resolved> {
    // Quiet, it would not say which libraries a conflict is about.
    let arguments = ["--progress-bar", "off", "--ignore-installed", "--only-binary", ":all:"];
    let answer = pip.report(&PipRequest { arguments: &arguments, requirements, constraints, index, made })?;
    match answer.report {
        Some(report) => Ok(Resolved::Lines(lines_of_pip(&report)?)),
        None => {
            let said = format!("{}{}", conflict(&answer.output), answer.errors.trim());
            Ok(Resolved::Unsolved { by: "pip", said })
        }
    }
}

/// pip's installation report (pip's documentation, "Installation Report").
#[derive(Deserialize)]
struct PipReport {
    install: Vec<PipItem>,
}

#[derive(Deserialize)]
struct PipItem {
    metadata: PipMetadata,
    #[serde(default)]
    is_direct: bool,
    download_info: Option<PipDownload>,
}

#[derive(Deserialize)]
struct PipDownload {
    url: String,
}

#[derive(Deserialize)]
struct PipMetadata {
    name: String,
    version: String,
}

fn lines_of_pip(report: &[u8]) -> Result<Vec<String>, PythonError> {
    let report: PipReport = serde_json::from_slice(report)
        .map_err(|error| PythonError::Unsolved { by: "pip", said: format!("its report cannot be read: {error}") })?;
    let line = |item: PipItem| match item.download_info.filter(|_| item.is_direct) {
        Some(download) => format!("{} @ {}", item.metadata.name, download.url),
        None => format!("{}=={}", item.metadata.name, item.metadata.version),
    };
    Ok(report.install.into_iter().map(line).collect())
}

/// The part of pip's output that says who asks for what, with [`CONFLICT`] before it; empty if pip names nobody.
fn conflict(output: &str) -> String {
    let Some((_, after)) = output.split_once(CONFLICT) else { return String::new() };
    let lines = after.trim_start().lines().take_while(|line| !line.trim().is_empty());
    lines.fold(format!("{CONFLICT}\n"), |text, line| text + line.trim() + "\n")
}
