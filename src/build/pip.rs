//! The pip of the target's suite, which chooses versions where uv is not installed. It runs in the sandbox, on the Python that
//! the libraries are for, and its only part of this computer is the network. It reads metadata of wheels, and runs no code of
//! a library.

use std::cell::{Cell, OnceCell};
use std::env;
use std::fs;
use std::io;
use std::path::Path;

use miette::{IntoDiagnostic, WrapErr};
use url::Url;

use super::build_root::BuildRoot;
use super::exchange::{make_folder, read_plain, write};
use super::layer::Layer;
use crate::apt::Suite;
use crate::python::{Pip, PipAnswer, PipRequest, authorities};
use crate::rootfs::{Sandbox, SandboxError};
use crate::stack::Stack;
use crate::system::cache::Cache;
use crate::system::progress::Reporter;
use crate::system::tree::WorkFolder;
use crate::system::userns;

/// The package with pip.
const PACKAGE: &str = "python3-pip";

/// The folder of the sandbox that pip may write to, and files in it.
const WORK: &str = "/mnt/work";
const REPORT: &str = "report.json";
const OUTPUT: &str = "output";
const ERRORS: &str = "errors";

/// Where pip finds further wheels, and the certificates of authorities.
const MADE: &str = "/mnt/made";
const AUTHORITIES: &str = "/mnt/authorities.crt";

/// The files by which names of machines are looked up (resolv.conf(5), hosts(5)).
const NAMES: [&str; 2] = ["etc/resolv.conf", "etc/hosts"];

/// The variables that lead to a proxy; each also exists in capital letters.
const PROXIES: [&str; 4] = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"];

/// The longest file that is read of what pip leaves, in bytes.
const LONGEST: u64 = 1 << 26;

/// pip, and its root, which is made when it is asked for the first time.
pub(super) struct SuitePip<'a> {
    stack: &'a Stack,
    suite: &'static Suite,
    cache: &'a Cache,
    reporter: Reporter,
    root: OnceCell<(Layer, WorkFolder)>,
    runs: Cell<u32>,
}

impl<'a> SuitePip<'a> {
    pub(super) fn new(stack: &'a Stack, suite: &'static Suite, cache: &'a Cache, reporter: Reporter) -> Self {
        Self { stack, suite, cache, reporter, root: OnceCell::new(), runs: Cell::new(0) }
    }

    fn root(&self) -> miette::Result<&(Layer, WorkFolder)> {
        if let Some(root) = self.root.get() {
            return Ok(root);
        }
        // Only this thread runs now, as `enter` demands.
        userns::enter()?;
        let wanted = PACKAGE.parse().into_diagnostic()?;
        let packages = BuildRoot::of(self.suite, &self.stack.image, wanted, self.cache, self.reporter)?;
        let work = WorkFolder::create(&self.cache.work())?;
        let layer = packages.build(work.path(), self.cache, self.reporter)?;
        for path in NAMES {
            if let Ok(content) = fs::read(Path::new("/").join(path)) {
                layer.root.write(path, 0o644, content).into_diagnostic()?;
            }
        }
        Ok(self.root.get_or_init(|| (layer, work)))
    }
}

impl Pip for SuitePip<'_> {
    fn report(&self, asked: &PipRequest<'_>) -> miette::Result<PipAnswer> {
        let (layer, work) = self.root().wrap_err_with(|| {
            format!("uv is not installed, and the pip of {} cannot be used in its place", self.suite.title())
        })?;
        let progress = self.reporter.spinner("choosing versions");
        self.runs.set(self.runs.get().saturating_add(1));
        let folder = work.path().join(format!("pip-{}", self.runs.get()));
        let [own, made] = ["work", "made"].map(|name| folder.join(name));
        let prepare = || -> io::Result<()> {
            make_folder(&own)?;
            make_folder(&made)?;
            for wheel in fs::read_dir(asked.made)? {
                let wheel = wheel?;
                write(&made.join(wheel.file_name()), 0o644, &fs::read(wheel.path())?)?;
            }
            write(&own.join("requirements.txt"), 0o644, asked.requirements.as_bytes())?;
            write(&own.join("constraints.txt"), 0o644, asked.constraints.as_bytes())
        };
        prepare().into_diagnostic().wrap_err_with(|| format!("cannot write to {}", folder.display()))?;
        let sandbox = Sandbox::new(&layer.root)
            .read_only_root()
            .host_network()
            .bind(&own, WORK)
            .bind_read_only(&made, MADE)
            .env("HOME", WORK)
            // In the environment, a password is in no list of processes.
            .env("PIP_INDEX_URL", asked.index.as_str())
            .env("PIP_TRUSTED_HOST", &trusted_host(asked.index))
            .env("PIP_NO_CACHE_DIR", "1")
            .env("PIP_NO_INPUT", "1")
            .env("PIP_DISABLE_PIP_VERSION_CHECK", "1");
        let sandbox = with_authorities(with_proxies(sandbox));
        let run = format!("cd {WORK} && exec python3 -m pip install --dry-run \"$@\" >{OUTPUT} 2>{ERRORS}");
        let mut command = vec!["sh", "-c", &run, "pip", "--report", REPORT, "--find-links", MADE];
        command.extend(["--requirement", "requirements.txt", "--constraint", "constraints.txt"]);
        command.extend(asked.arguments);
        let run = sandbox.run(&command);
        drop(progress);
        let read = |name| read_plain(&own.join(name), LONGEST);
        let report = match run {
            Ok(_) => Some(read(REPORT).into_diagnostic().wrap_err("cannot read pip's report")?),
            Err(SandboxError::Command { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let text = |name| String::from_utf8_lossy(&read(name).unwrap_or_default()).into_owned();
        let answer = PipAnswer { report, output: text(OUTPUT), errors: text(ERRORS) };
        if answer.errors.contains("no such option") {
            return Err(miette::miette!(
                help = "install uv on this computer: https://docs.astral.sh/uv/",
                "the pip of {} is older than 22.2, and cannot choose versions for a lock",
                self.suite.title()
            ));
        }
        Ok(answer)
    }
}

/// The host of an index without TLS, from which pip takes nothing else. stackdeb downloads the files itself, and the lock has
/// their digests.
fn trusted_host(index: &Url) -> String {
    match index.host_str().filter(|_| index.scheme() == "http") {
        Some(host) => index.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
        None => String::new(),
    }
}

fn with_proxies(sandbox: Sandbox) -> Sandbox {
    let names = PROXIES.iter().flat_map(|name| [(*name).to_owned(), name.to_uppercase()]);
    let set = names.filter_map(|name| Some((env::var(&name).ok()?, name)));
    set.fold(sandbox, |sandbox, (value, name)| sandbox.env(&name, &value))
}

/// The certificates that this computer trusts, for an index with one of its own authority.
fn with_authorities(sandbox: Sandbox) -> Sandbox {
    let file = authorities();
    if !file.is_file() {
        return sandbox;
    }
    sandbox.bind_read_only(&file, AUTHORITIES).env("PIP_CERT", AUTHORITIES)
}
