//! Builds a wheel of a source distribution, in the sandbox, in a root of the target's suite with the packages of `[app]
//! build-packages`: no network, none of the host's files. The root and the build's requirements cannot be written to, so one build
//! leaves nothing for the next. The wheel is kept in the cache, under the digest of everything that it depends on.

use std::cell::{Cell, OnceCell};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use miette::{Diagnostic, IntoDiagnostic, WrapErr};

use super::build_root::BuildRoot;
use super::exchange::{make_folder, read_plain, write};
use super::installed::InstalledInRoots;
use super::layer::Layer;
use super::source_advice;
use crate::apt::Suite;
use crate::deb::Content;
use crate::python::{Library, MadeWheel, PythonTarget, Roots, SourceDistribution, WheelBuilder, WheelName};
use crate::rootfs::{Sandbox, SandboxError};
use crate::stack::Stack;
use crate::system::cache::{Cache, contents};
use crate::system::hash::Sha256;
use crate::system::output;
use crate::system::progress::Reporter;
use crate::system::tree::WorkFolder;
use crate::system::userns;

/// A part of each digest: a change here makes what was kept before useless.
const FORMAT: &str = "source build 1";

/// What runs in the sandbox.
const PROGRAM: &str = include_str!("source_build.py");

/// Where the build finds its requirements, and the only places that it can write to besides `/tmp`.
const TOOLS: &str = "/mnt/tools";
const WORK: &str = "/mnt/work";
const MADE: &str = "/mnt/made";

/// The longest answer of the program, in bytes.
const LONGEST_ANSWER: u64 = 1 << 20;

/// The answer of the program, a file in [`MADE`].
const ANSWER: &str = "answer.json";

/// Why there is no wheel.
#[derive(Debug, thiserror::Error, Diagnostic)]
enum SourceBuildError {
    #[error("{library} cannot be built from {file} ({status}){}", indented(.output))]
    Failed {
        /// The name and the version of the library that is built.
        library: String,
        file: String,
        status: String,
        output: String,
        #[help]
        help: String,
    },
    #[error("the build of {library} from {file} has made {made}, and not a wheel of it that {target} can load")]
    #[diagnostic(help("choose another version of the library"))]
    OtherWheel { library: String, file: String, made: String, target: String },
    #[error("the build of {library} from {file} has left no answer that can be read: {reason}")]
    #[diagnostic(help("choose another version of the library"))]
    NoAnswer { library: String, file: String, reason: String },
}

fn indented(output: &str) -> String {
    output.lines().map(|line| format!("\n    {line}")).collect()
}

/// Builds what a stack needs. Nothing is downloaded before the first library is to be built, and no root is made before the
/// first one that is not in the cache.
pub(super) struct SourceBuild<'a> {
    stack: &'a Stack,
    suite: &'static Suite,
    cache: &'a Cache,
    reporter: Reporter,
    packages: OnceCell<BuildRoot>,
    root: OnceCell<(Layer, WorkFolder)>,
    builds: Cell<u32>,
    /// A kept wheel was used, and the archive did not answer whether it still has the packages that made the wheel.
    unknown: Cell<bool>,
}

impl<'a> SourceBuild<'a> {
    pub(super) fn new(stack: &'a Stack, suite: &'static Suite, cache: &'a Cache, reporter: Reporter) -> Self {
        let (packages, root, builds) = (OnceCell::new(), OnceCell::new(), Cell::new(0));
        Self { stack, suite, cache, reporter, packages, root, builds, unknown: Cell::new(false) }
    }

    /// What is installed where libraries are built; nothing when none had to be.
    pub(super) fn installed(&self) -> InstalledInRoots {
        match self.packages.get() {
            _ if self.unknown.get() => InstalledInRoots::unknown(),
            Some(root) => root.installed(),
            None => InstalledInRoots::default(),
        }
    }

    fn packages(&self) -> miette::Result<&BuildRoot> {
        if let Some(packages) = self.packages.get() {
            return Ok(packages);
        }
        // Only this thread runs now, as `enter` demands: the threads of the downloads have ended.
        userns::enter()?;
        let wanted = self.stack.app.build_packages.clone();
        let packages = BuildRoot::of(self.suite, &self.stack.image, wanted, self.cache, self.reporter)?;
        Ok(self.packages.get_or_init(|| packages))
    }

    fn root(&self) -> miette::Result<&(Layer, WorkFolder)> {
        if let Some(root) = self.root.get() {
            return Ok(root);
        }
        let work = WorkFolder::create(&self.cache.work())?;
        let layer = self.packages()?.build(work.path(), self.cache, self.reporter)?;
        Ok(self.root.get_or_init(|| (layer, work)))
    }

    /// The digest of everything that the wheel depends on but the packages of the root.
    fn inputs(&self, source: &SourceDistribution<'_>, tools: &[Library]) -> Sha256 {
        let own = [FORMAT, env!("CARGO_PKG_VERSION"), PROGRAM, self.suite.name].map(str::to_owned);
        let tools = tools.iter().map(|tool| tool.sha256.to_string());
        let more = [source.sha256.to_string(), self.stack.app.build_packages.to_string()];
        Sha256::of(own.into_iter().chain(more).chain(tools).collect::<Vec<_>>().join("\n").as_bytes())
    }

    /// Where wheels that were made are, and the notes about them.
    fn folder(&self) -> PathBuf {
        if self.cache.keeps_results() { self.cache.wheels() } else { self.cache.built() }
    }

    /// The wheel that was made before, as the note `path` says.
    fn kept(&self, path: &Path) -> Option<MadeWheel> {
        let text = fs::read_to_string(path).ok()?;
        let (digits, file) = text.split_once(' ')?;
        let sha256: Sha256 = digits.parse().ok()?;
        let kept = self.folder().join(format!("{sha256}.whl"));
        let right = Sha256::of_file(&kept).is_ok_and(|(found, _)| found == sha256);
        right.then(|| {
            contents::note_use(path);
            contents::note_use(&kept);
            MadeWheel { file: file.to_owned(), path: kept, sha256 }
        })
    }

    /// Runs a task of the program, and returns its answer and the folder in which it has left its files.
    fn run<T: serde::de::DeserializeOwned>(
        &self,
        task: &str,
        source: &SourceDistribution<'_>,
        tools: &[Library],
    ) -> miette::Result<(T, PathBuf)> {
        let (layer, work) = self.root()?;
        let progress = self.reporter.spinner(&format!("building {} from its source", source.library()));
        self.builds.set(self.builds.get().saturating_add(1));
        let folder = work.path().join(format!("build-{}", self.builds.get()));
        let [of_tools, own, made] = ["tools", "work", "made"].map(|name| folder.join(name));
        let prepare = || -> io::Result<()> {
            for folder in [&folder, &of_tools, &own, &made] {
                make_folder(folder)?;
            }
            write(&of_tools.join("build.py"), 0o644, PROGRAM.as_bytes())?;
            write(&of_tools.join(source.file), 0o644, &fs::read(source.path)?)?;
            make_folder(&of_tools.join("python3"))?;
            let roots = Roots {
                libraries: format!("{TOOLS}/python3"),
                programs: format!("{TOOLS}/bin"),
                prefix: TOOLS.to_owned(),
            };
            for tool in tools {
                for file in tool.wheel.installed(&roots)? {
                    let inside = file.path.strip_prefix(TOOLS).unwrap_or(&file.path).trim_start_matches('/');
                    let bytes = match file.content {
                        Content::Bytes(bytes) => bytes,
                        Content::File(path) => fs::read(path)?,
                    };
                    write(&of_tools.join(inside), file.mode, &bytes)?;
                }
            }
            Ok(())
        };
        prepare().into_diagnostic().wrap_err_with(|| format!("cannot write to {}", folder.display()))?;
        let system = &source.sdist.system;
        let (program, archive) = (format!("{TOOLS}/build.py"), format!("{TOOLS}/{}", source.file));
        let mut command = vec!["python3", program.as_str(), task, archive.as_str(), source.sdist.folder.as_str()];
        command.push(system.backend.as_str());
        command.extend(system.paths.iter().map(String::as_str));
        let path = format!("{TOOLS}/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
        let sandbox = Sandbox::new(&layer.root)
            .read_only_root()
            .bind_read_only(&of_tools, TOOLS)
            .bind(&own, WORK)
            .bind(&made, MADE)
            .epoch(source.sdist.epoch)
            .env("PATH", &path)
            .env("HOME", WORK)
            .env("PYTHONPATH", &format!("{TOOLS}/python3"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            // Without it, Python's sets have another order in each run.
            .env("PYTHONHASHSEED", "0")
            // No debugging data: nobody would read it on a server.
            .env("CFLAGS", "-O2 -g0")
            .env("CXXFLAGS", "-O2 -g0")
            .env("LDFLAGS", "-Wl,-s");
        let run = sandbox.run(&command);
        drop(progress);
        let (library, file) = (source.library(), source.file.to_owned());
        match run {
            Ok(_) => {}
            Err(SandboxError::Command { status, output, .. }) => {
                let help = source_advice::after(&output, &self.stack.app.build_packages);
                return Err(SourceBuildError::Failed { library, file, status, output, help }.into());
            }
            Err(error) => return Err(error.into()),
        }
        let answer = read_plain(&made.join(ANSWER), LONGEST_ANSWER);
        let answer = answer.and_then(|bytes| serde_json::from_slice(&bytes).map_err(io::Error::from));
        let unread = |error: io::Error| SourceBuildError::NoAnswer { library, file, reason: error.to_string() };
        Ok((answer.map_err(unread)?, made))
    }
}

impl WheelBuilder for SourceBuild<'_> {
    fn further_requirements(&self, source: &SourceDistribution<'_>, tools: &[Library]) -> miette::Result<Vec<String>> {
        Ok(self.run("requires", source, tools)?.0)
    }

    fn wheel(
        &self,
        source: &SourceDistribution<'_>,
        tools: &[Library],
        target: &PythonTarget,
    ) -> miette::Result<MadeWheel> {
        let inputs = self.inputs(source, tools);
        let note = |key: Sha256| self.folder().join(format!("{key}.built"));
        // The newest one, for a build without a network.
        let last = note(inputs);
        let root = match self.packages().map(BuildRoot::digest) {
            Ok(root) => root,
            Err(error) => match self.kept(&last) {
                Some(kept) => {
                    self.unknown.set(true);
                    let library = source.library();
                    self.reporter
                        .warn(&format!("{error}; the wheel of {library} that was built the last time is used"));
                    return Ok(kept);
                }
                None => return Err(error),
            },
        };
        let path = note(Sha256::of(format!("{inputs}\n{root}").as_bytes()));
        if let Some(kept) = self.kept(&path) {
            return Ok(kept);
        }
        let (name, made): (String, PathBuf) = self.run("wheel", source, tools)?;
        let right = WheelName::parse(&name).filter(|wheel| {
            wheel.name.parse().ok().as_ref() == Some(&source.pin.name)
                && wheel.version == source.pin.version
                && target.rank(wheel).is_some()
        });
        if right.is_none() || name.contains(['/', '\n']) {
            let (library, file, target) = (source.library(), source.file.to_owned(), target.title.clone());
            let made = format!("`{}`", name.escape_debug());
            return Err(SourceBuildError::OtherWheel { library, file, made, target }.into());
        }
        let content = read_plain(&made.join(&name), u64::MAX);
        let content = content.into_diagnostic().wrap_err_with(|| format!("cannot read the wheel {name}"))?;
        let sha256 = Sha256::of(&content);
        let kept = self.folder().join(format!("{sha256}.whl"));
        output::write_file(&kept, &content)?;
        for note in [&path, &last] {
            output::write_file(note, format!("{sha256} {name}").as_bytes())?;
        }
        Ok(MadeWheel { file: name, path: kept, sha256 })
    }
}
