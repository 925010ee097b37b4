//! Builds the project in the current folder again after each change, and installs its packages in a machine that runs, as on a
//! server: those that an image has. For `stackdeb boot --watch`.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use miette::{IntoDiagnostic, WrapErr};

use super::local;
use crate::deb::install_steps;
use crate::remote::RemoteError;
use crate::remote::ssh::Host;
use crate::remote::ssh_key::SshKey;
use crate::stack::{self, Stack};
use crate::system::changes::Changes;
use crate::system::hash::Sha256;
use crate::system::progress::Reporter;

/// Takes packages from standard input, as a tar archive with a folder for each call of dpkg, and installs them, the same
/// version as well. What the user has edited in the machine stays.
const INSTALL: &str = "set -eu
folder=$(mktemp -d)
trap 'rm -rf \"$folder\"' EXIT
tar -x -C \"$folder\"
export DEBIAN_FRONTEND=noninteractive
for step in \"$folder\"/*; do
    dpkg --force-confdef --force-confold --force-unsafe-io --install \"$step\"/*.deb >&2
done";

/// The site may answer before the machine takes connections of ssh.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_secs(1);

/// The project in the current folder, and the way into the machine that it is installed in.
pub struct Watch {
    changes: Changes,
    /// The variant of the stack that is built.
    variant: Option<String>,
    key: SshKey,
    /// The file with the private half of the key, which goes with this.
    identity: tempfile::NamedTempFile,
    /// The packages that the machine has, if they are known.
    installed: Option<Sha256>,
}

impl Watch {
    /// Begins to watch, and makes a key for the machine.
    ///
    /// # Errors
    /// When there is no project, its folders cannot be watched, or ssh-keygen(1) is missing.
    pub fn begin(variant: Option<&str>) -> miette::Result<Self> {
        let stack = stack_here(variant)?;
        let folder = &stack.folder;
        // cargo writes there whenever the package is built.
        let target = stack.app.kind.of_crate().map(|_| stack.app.folder.join("target"));
        let target = target.as_deref().and_then(|path| path.strip_prefix(folder).ok());
        let ignored: Vec<&Path> = ["dist".as_ref()].into_iter().chain(target).collect();
        let changes = Changes::watch(folder, &ignored).into_diagnostic();
        let changes = changes.wrap_err_with(|| format!("cannot watch the folder {}", folder.display()))?;
        let key = SshKey::generate().ok_or_else(|| {
            miette::miette!(
                help = "`apt install openssh-client` installs it",
                "`boot --watch` needs the program ssh-keygen"
            )
        })?;
        let mut identity = tempfile::NamedTempFile::new().into_diagnostic()?;
        io::Write::write_all(&mut identity, key.private().as_bytes()).into_diagnostic()?;
        Ok(Self { changes, variant: variant.map(str::to_owned), key, identity, installed: None })
    }

    /// The key that the machine's root has to take.
    pub fn public_key(&self) -> String {
        self.key.public().to_owned()
    }

    /// Waits for a change for at most `limit`, and installs its package in the machine behind the port `ssh`. A mistake in
    /// the project is only printed: the next change may put it right.
    pub fn wait_and_install(&mut self, ssh: u16, limit: Duration) {
        if !self.changes.wait(limit) {
            return;
        }
        if let Err(report) = self.install(&Host::local(ssh, self.identity.path())) {
            Reporter::Stderr.say(&format!("{report:?}"));
        }
    }

    fn install(&mut self, machine: &Host) -> miette::Result<()> {
        let begin = Instant::now();
        let Some(packages) = self.build()? else { return Ok(()) };
        let mut digests = String::new();
        for package in &packages {
            digests.push_str(&Sha256::of(&fs::read(package).into_diagnostic()?).to_string());
        }
        let found = Some(Sha256::of(digests.as_bytes()));
        if self.installed == found {
            return Ok(());
        }
        let steps = install_steps(&packages)?;
        let built = begin.elapsed().as_secs_f64();
        while let Err(error) = send(machine, &steps) {
            match error {
                RemoteError::Connection { .. } if begin.elapsed() < PATIENCE => thread::sleep(PAUSE),
                RemoteError::Refused { said, .. } => return Err(refused(&said)),
                error => return Err(error.into()),
            }
        }
        self.installed = found;
        let all = begin.elapsed().as_secs_f64();
        let rest = all - built;
        let names: Vec<_> =
            packages.iter().map(|path| path.file_name().unwrap_or_default().to_string_lossy()).collect();
        let (names, are) = (names.join(", "), if names.len() == 1 { "is" } else { "are" });
        Reporter::Stderr.say(&format!("{names} {are} in the machine: built in {built:.1} s, installed in {rest:.1} s"));
        Ok(())
    }

    /// Builds the packages in a process of its own: what it needs of the kernel must be asked for by a process with one
    /// thread. `None` when the project has a mistake; that process has printed it.
    fn build(&self) -> miette::Result<Option<Vec<PathBuf>>> {
        let program = std::env::current_exe().into_diagnostic().wrap_err("cannot find this program's own file")?;
        let mut command = Command::new(program);
        command.arg("deb").stdin(Stdio::null()).stdout(Stdio::null());
        command.args(self.variant.iter().flat_map(|name| ["--variant", name]));
        if !command.status().into_diagnostic()?.success() {
            return Ok(None);
        }
        Ok(Some(local::in_image(&stack_here(self.variant.as_deref())?)?))
    }
}

fn stack_here(variant: Option<&str>) -> miette::Result<Stack> {
    Ok(stack::load_variant(Path::new("."), variant)?)
}

fn refused(said: &str) -> miette::Report {
    miette::miette!(
        help = "put right what it names; when it lacks packages that the project did not need before, end this boot, build \
                the image again with `stackdeb image`, and boot that",
        "the machine does not install the package: {said}"
    )
}

/// Sends packages to the machine, which installs them, each step by itself.
fn send(machine: &Host, steps: &[Vec<PathBuf>]) -> Result<(), RemoteError> {
    let mut files = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        for path in step {
            let file = File::open(path).map_err(|source| RemoteError::Read { path: path.clone(), source })?;
            // The shell sorts the names, so all have the same length.
            files.push((Path::new(&format!("{number:03}")).join(path.file_name().unwrap_or_default()), file));
        }
    }
    let mut remote = machine.start(&["/bin/sh", "-c", INSTALL])?;
    if let Some(input) = remote.child.stdin.take() {
        let mut archive = tar::Builder::new(input);
        let mut all = files.iter_mut();
        // When the machine does not take all of it, its answer says why.
        let _ = all.try_for_each(|(name, file)| archive.append_file(name, file)).and_then(|()| archive.finish());
    }
    remote.finish()?;
    Ok(())
}
