//! Which versions to take, when the project does not say: a resolver chooses them for the target's Python. It is uv where that
//! is installed, else pip, and what it chose is walked once more by [`gather`](super::gather()), which trusts neither. It gets
//! wheels alone: of source code it would run what nobody has checked, to find out what that needs.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde::Deserialize;
use url::Url;

use super::source::CONFLICT;
use super::{PythonError, PythonTarget};

/// The newest glibc that uv knows as a platform (`--python-platform`), and the older ones before its gap.
const UV_GLIBC: (u32, u32) = (31, 40);

/// Runs pip for another Python. pip reads the tags of wheels from its options, but the environment markers, and the version that
/// the `Requires-Python` in a wheel has to accept, from the Python that it runs on.
const PIP: &str = "\
import json, sys
environment = json.loads(sys.argv.pop(1))
from pip._vendor.packaging import markers
own = markers.default_environment
markers.default_environment = lambda: {**own(), **environment}
from pip._internal.resolution.resolvelib.candidates import RequiresPythonCandidate
make = RequiresPythonCandidate.__init__
version = tuple(map(int, environment['python_full_version'].split('.')))
RequiresPythonCandidate.__init__ = lambda self, _: make(self, version)
from pip._internal.cli.main import main
sys.exit(main(sys.argv[1:]))
";

/// Lines of a file of requirements: each library with its version, and with digests if the resolver says them. The folder
/// `made` has further wheels.
///
/// # Errors
/// When neither program is installed, or there are no versions that fit together.
pub(super) fn resolve(
    requirements: &[String],
    constraints: &[String],
    target: &PythonTarget,
    index: &Url,
    made: &Path,
) -> Result<Vec<String>, PythonError> {
    let unwritable = |source| PythonError::Unreadable { path: "a temporary file".to_owned(), source };
    let folder = tempfile::tempdir().map_err(unwritable)?;
    let [asked, limits] = ["requirements.in", "constraints.in"].map(|name| folder.path().join(name));
    fs::write(&asked, requirements.join("\n") + "\n").map_err(unwritable)?;
    fs::write(&limits, constraints.join("\n") + "\n").map_err(unwritable)?;
    match uv(&asked, &limits, made, target, index) {
        Some(output) => lines_of_uv(&output),
        None => lines_of_pip(&pip(&asked, &limits, folder.path(), made, target, index)?),
    }
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

fn lines_of_uv(output: &Output) -> Result<Vec<String>, PythonError> {
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(PythonError::Unsolved { by: "uv", said });
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

fn pip(
    asked: &Path,
    limits: &Path,
    folder: &Path,
    made: &Path,
    target: &PythonTarget,
    index: &Url,
) -> Result<Output, PythonError> {
    let environment = serde_json::json!({
        "python_version": format!("3.{}", target.minor),
        "python_full_version": target.full.to_string(),
        "implementation_name": "cpython",
        "implementation_version": target.full.to_string(),
        "platform_python_implementation": "CPython",
        "os_name": "posix",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
    });
    let mut command = Command::new("python3");
    command.args(["-c", PIP]).arg(environment.to_string());
    // Quiet, it would not say which libraries a conflict is about.
    command.args(["install", "--progress-bar", "off", "--dry-run", "--ignore-installed", "--only-binary", ":all:"]);
    command.args(["--disable-pip-version-check", "--no-input", "--python-version", &target.full.to_string()]);
    for platform in target.platforms() {
        command.args(["--platform", &platform]);
    }
    command.arg("--target").arg(folder.join("target")).arg("--report").arg(folder.join("report.json"));
    command.arg("--find-links").arg(made);
    command.arg("--constraint").arg(limits).arg("--requirement").arg(asked);
    command.env("PIP_INDEX_URL", index.as_str()).env_remove("PIP_EXTRA_INDEX_URL").env_remove("PIP_FIND_LINKS");
    let output = command.output().map_err(|error| PythonError::NoResolver { reason: error.to_string() })?;
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("No module named 'pip") || said.contains("no such option: --report") {
        let last = said.lines().last().unwrap_or_default().to_owned();
        return Err(PythonError::NoResolver { reason: last });
    }
    if !output.status.success() {
        return Err(PythonError::Unsolved { by: "pip", said: format!("{}{}", conflict(&output.stdout), said.trim()) });
    }
    let report = fs::read(folder.join("report.json"));
    let report = report.map_err(|source| PythonError::Unreadable { path: "pip's report".to_owned(), source })?;
    Ok(Output { stdout: report, ..output })
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

fn lines_of_pip(output: &Output) -> Result<Vec<String>, PythonError> {
    let report: PipReport = serde_json::from_slice(&output.stdout)
        .map_err(|error| PythonError::Unsolved { by: "pip", said: format!("its report cannot be read: {error}") })?;
    let line = |item: PipItem| match item.download_info.filter(|_| item.is_direct) {
        Some(download) => format!("{} @ {}", item.metadata.name, download.url),
        None => format!("{}=={}", item.metadata.name, item.metadata.version),
    };
    Ok(report.install.into_iter().map(line).collect())
}

/// The part of pip's output that says who asks for what, with [`CONFLICT`] before it; empty if pip names nobody.
fn conflict(output: &[u8]) -> String {
    let said = String::from_utf8_lossy(output);
    let Some((_, after)) = said.split_once(CONFLICT) else { return String::new() };
    let lines = after.trim_start().lines().take_while(|line| !line.trim().is_empty());
    lines.fold(format!("{CONFLICT}\n"), |text, line| text + line.trim() + "\n")
}
