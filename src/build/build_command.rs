//! `[app] build-command`: runs it in a copy of the app, as the app will be on a server, and packs what the copy has afterwards.
//! The copy is in a root of the target's suite, in the sandbox: no network, none of the host's files. What the command made is
//! kept in the cache, under the digest of everything that it depends on.

use std::fs::{self, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use miette::{Diagnostic, IntoDiagnostic, WrapErr};

use super::build_root::BuildRoot;
use super::installed::InstalledInRoots;
use crate::apt::Suite;
use crate::control::Relations;
use crate::deb::{Content, Payload, PayloadEntry};
use crate::python::Libraries;
use crate::render::{self, AppNotes};
use crate::rootfs::{Root, Sandbox, SandboxError};
use crate::stack::{AppKind, CommandLine, Stack};
use crate::system::cache::{Cache, contents};
use crate::system::epoch::Epoch;
use crate::system::hash::Sha256;
use crate::system::progress::Reporter;
use crate::system::tree::WorkFolder;
use crate::system::{interrupt, output};

/// A part of each digest: a change here makes what was kept before useless.
const FORMAT: &str = "build command 1";

/// The command's `SECRET_KEY`. The real one is made on each server.
const PLACEHOLDER: &str = "not-secret-only-for-the-build-of-the-package";

/// What tools install for themselves and no rule packs: not even copied.
const OF_TOOLS: &[&str] = &["__pycache__", "node_modules"];

/// [`OF_TOOLS`] without the libraries of a program in Node.js.
fn of_tools(stack: &Stack) -> &'static [&'static str] {
    match &stack.app.kind {
        AppKind::Exec(_) => OF_TOOLS.get(..1).unwrap_or(OF_TOOLS),
        AppKind::Python(_) | AppKind::Static(_) => OF_TOOLS,
    }
}

/// Why there is no package with what the build command makes.
#[derive(Debug, thiserror::Error, Diagnostic)]
enum BuildCommandError {
    #[error("[app] build-command failed ({status}): {command}{}", indented(.output))]
    #[diagnostic(help(
        "its last lines of output are above; it runs in a sandbox of the target's suite, in a copy of the app's files, with the packages and libraries of [app], without a network and without a database"
    ))]
    Failed { command: String, status: String, output: String },
    #[error("[app] build-command has not made {folder}, which [[site.static]] names: {command}")]
    #[diagnostic(help("make the command write there (Django: STATIC_ROOT), or correct [[site.static]] folder"))]
    NoFolder { folder: String, command: String },
    #[error("[app] build-command has not made the folder {folder}, which [app] publish names: {command}")]
    #[diagnostic(help("make the command write there, or correct publish: it is relative to the application's folder"))]
    NotPublished { folder: String, command: String },
    #[error("[app] build-command has made {0}, which is neither a file nor a folder nor a link")]
    #[diagnostic(help("make the command delete it at its end"))]
    Special(String),
}

fn indented(output: &str) -> String {
    output.lines().map(|line| format!("\n    {line}")).collect()
}

/// The stack with the files that its build command left.
pub(super) struct BuiltStack {
    /// Its folders of files are those of the copy.
    pub(super) stack: Stack,
    /// About the files that the copy was made of.
    pub(super) notes: AppNotes,
    /// What was installed where the command ran.
    pub(super) installed: InstalledInRoots,
}

/// Runs `command`, the build command of `stack`, unless nothing has changed since it ran. The process must be root, if only in
/// a namespace.
///
/// # Errors
/// When a package cannot be had, the command fails or does not make what the stack needs, or the disk is full.
pub(super) fn run(
    stack: &Stack,
    command: &CommandLine,
    libraries: &Libraries,
    epoch: Epoch,
    reporter: Reporter,
) -> miette::Result<BuiltStack> {
    let suite = Suite::find(&stack.image.suite)?;
    let cache = Cache::open()?;
    let (payload, notes) = render::app_files(stack, libraries)?;
    let environment = environment(stack, libraries);
    let relations: Relations = Relations(
        [&libraries.needs.depends, &stack.app.depends, &stack.app.build_packages]
            .into_iter()
            .chain([&stack.package.depends, &stack.package.relations.pre_depends])
            .flat_map(|relations| relations.0.iter().cloned())
            .filter(|alternatives| !stack.satisfies(alternatives))
            .collect(),
    );
    let inputs = [FORMAT.to_owned(), suite.name.to_owned(), command.to_string(), relations.to_string()]
        .into_iter()
        .chain([epoch.seconds().to_string(), digest(&payload).into_diagnostic()?.to_string()])
        .chain(environment.iter().map(|(name, value)| format!("{name}={value}")));
    let inputs = Sha256::of(inputs.collect::<Vec<_>>().join("\n").as_bytes());
    let last = cache.built().join(format!("{inputs}.last"));
    let root = match BuildRoot::of(suite, &stack.image, relations, &cache, reporter) {
        Ok(root) => root,
        Err(error) => match fs::read_to_string(&last).map(|name| cache.built().join(name)) {
            Ok(kept) if kept.is_dir() => {
                reporter.warn(&format!("{error}; what the build command made the last time is used"));
                let installed = InstalledInRoots::unknown();
                return Ok(BuiltStack { stack: with_files(stack, command, &kept)?, notes, installed });
            }
            _ => return Err(error),
        },
    };
    let key = Sha256::of(format!("{inputs}\n{}", root.digest()).as_bytes()).to_string();
    let installed = root.installed();
    let kept = cache.built().join(&key);
    if !kept.is_dir() {
        let work = WorkFolder::create(&cache.work())?;
        let layer = root.build(work.path(), &cache, reporter)?;
        let root = &layer.root;
        let progress = reporter.spinner("running the build command");
        let copied = || format!("cannot copy the app's files to {}", root.shown(""));
        copy_into(root, &payload).into_diagnostic().wrap_err_with(copied)?;
        run_inside(stack, command, &environment, epoch, root)?;
        let made = work.path().join("made");
        copy_out(root, &stack.app_folder(), &made, of_tools(stack))?;
        // Another build may have made the same meanwhile.
        if let Err(error) = fs::rename(&made, &kept)
            && !kept.is_dir()
        {
            return Err(error).into_diagnostic().wrap_err_with(|| format!("cannot make {}", kept.display()));
        }
        drop(progress);
    }
    contents::note_use(&kept);
    output::write_file(&last, key.as_bytes())?;
    Ok(BuiltStack { stack: with_files(stack, command, &kept)?, notes, installed })
}

/// What the command finds in its environment: as in the app's unit (units/sandbox), except what only a server has.
fn environment(stack: &Stack, libraries: &Libraries) -> Vec<(String, String)> {
    let name = &stack.package.name;
    let path = format!("/usr/lib/{name}/bin:/usr/libexec/{name}/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
    let mut all = vec![
        ("PATH".to_owned(), path),
        ("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned()),
        // Sets are in the same order each time.
        ("PYTHONHASHSEED".to_owned(), "0".to_owned()),
        ("STATE_DIRECTORY".to_owned(), state(stack)),
        ("ALLOWED_HOSTS".to_owned(), stack.site.allowed_hosts()),
        ("SECRET_KEY".to_owned(), PLACEHOLDER.to_owned()),
    ];
    if !libraries.all.is_empty() {
        all.push(("PYTHONPATH".to_owned(), format!("/usr/lib/{name}/python3")));
    }
    if let Some(database) = &stack.database {
        all.push(("DATABASE_NAME".to_owned(), database.name.clone()));
    }
    if stack.services.valkey.is_some() {
        let socket = format!("unix:///run/{name}/valkey/valkey.sock");
        all.extend(["VALKEY_URL", "REDIS_URL"].map(|variable| (variable.to_owned(), socket.clone())));
    }
    all.extend(stack.app.environment.iter().cloned());
    all
}

/// The folder that the app may write to.
fn state(stack: &Stack) -> String {
    format!("/var/lib/{}/app", stack.package.name)
}

/// A digest of paths, modes and contents.
fn digest(payload: &Payload) -> io::Result<Sha256> {
    let mut lines = String::new();
    for (path, entry) in payload.entries() {
        let what = match entry {
            PayloadEntry::Folder { mode } => format!("folder {mode:o}"),
            PayloadEntry::Symlink { target } => format!("link {target}"),
            PayloadEntry::File { content: Content::Bytes(bytes), mode } => {
                format!("file {mode:o} {}", Sha256::of(bytes))
            }
            PayloadEntry::File { content: Content::File(file), mode } => {
                format!("file {mode:o} {}", Sha256::of_file(file)?.0)
            }
        };
        lines.push_str(&format!("{} {what}\n", path.escape_debug()));
    }
    Ok(Sha256::of(lines.as_bytes()))
}

fn copy_into(root: &Root, payload: &Payload) -> io::Result<()> {
    for (path, entry) in payload.entries() {
        interrupt::check()?;
        match entry {
            PayloadEntry::Folder { .. } => root.make_folder(path)?,
            PayloadEntry::Symlink { target } => root.symlink(target, path)?,
            PayloadEntry::File { content: Content::Bytes(bytes), mode } => root.write(path, *mode, bytes)?,
            PayloadEntry::File { content: Content::File(file), mode } => root.write(path, *mode, fs::read(file)?)?,
        }
    }
    Ok(())
}

fn run_inside(
    stack: &Stack,
    command: &CommandLine,
    environment: &[(String, String)],
    epoch: Epoch,
    root: &Root,
) -> miette::Result<()> {
    let (name, state) = (&stack.package.name, state(stack));
    let app = stack.app_folder();
    root.make_folder(&state).into_diagnostic()?;
    let sandbox =
        environment.iter().fold(Sandbox::new(root).epoch(epoch), |sandbox, (name, value)| sandbox.env(name, value));
    // The files' times are the package's, as they will be on a server.
    let times = format!("find {app} /usr/lib/{name} -exec touch -h -d @{} {{}} + 2>/dev/null || true", epoch.seconds());
    let script = format!("{times}; cd {app} && exec {}", command.for_shell(&app));
    match sandbox.run(&["sh", "-c", &script]) {
        Ok(_) => Ok(()),
        Err(SandboxError::Command { status, output, .. }) => {
            Err(BuildCommandError::Failed { command: command.to_string(), status, output }.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Copies the folder `inside` of the root to `made`. No link is followed: the command may have left links to anywhere.
fn copy_out(root: &Root, inside: &str, made: &Path, left_out: &[&str]) -> miette::Result<()> {
    let folder = root.open_folder(inside).into_diagnostic().wrap_err_with(|| format!("cannot read {inside}"))?;
    copy_folder(&PathBuf::from(format!("/proc/self/fd/{}/", folder.as_raw_fd())), made, inside, left_out)
}

fn copy_folder(from: &Path, to: &Path, shown: &str, left_out: &[&str]) -> miette::Result<()> {
    let wrong = |error: io::Error| miette::miette!("cannot copy {shown} from the sandbox: {error}");
    fs::create_dir(to).map_err(wrong)?;
    for entry in fs::read_dir(from).map_err(wrong)? {
        interrupt::check().into_diagnostic()?;
        let entry = entry.map_err(wrong)?;
        let (kind, name) = (entry.file_type().map_err(wrong)?, entry.file_name());
        let (path, target) = (entry.path(), to.join(&name));
        if left_out.iter().any(|one| name == *one) {
            continue;
        }
        if kind.is_dir() {
            copy_folder(&path, &target, &format!("{shown}/{}", name.display()), left_out)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(&path).map_err(wrong)?, &target).map_err(wrong)?;
        } else if kind.is_file() {
            let is_program = entry.metadata().map_err(wrong)?.permissions().mode() & 0o100 != 0;
            fs::write(&target, fs::read(&path).map_err(wrong)?).map_err(wrong)?;
            let mode = if is_program { 0o755 } else { 0o644 };
            fs::set_permissions(&target, Permissions::from_mode(mode)).map_err(wrong)?;
        } else {
            return Err(BuildCommandError::Special(format!("{shown}/{}", name.display())).into());
        }
    }
    Ok(())
}

/// The stack with the files of the folder `made` in place of those of the project.
fn with_files(stack: &Stack, command: &CommandLine, made: &Path) -> Result<Stack, BuildCommandError> {
    let mut changed = stack.clone();
    for files in &mut changed.site.static_files {
        let Ok(inside) = files.folder.strip_prefix(&stack.app.folder) else { continue };
        let folder = made.join(inside);
        if !folder.is_dir() {
            let (folder, command) = (files.folder.display().to_string(), command.to_string());
            return Err(BuildCommandError::NoFolder { folder, command });
        }
        files.folder = folder;
    }
    changed.app.folder = made.to_owned();
    if let AppKind::Static(site) = &stack.app.kind
        && !made.join(&site.publish).is_dir()
    {
        let (folder, command) = (site.publish.display().to_string(), command.to_string());
        return Err(BuildCommandError::NotPublished { folder, command });
    }
    Ok(changed)
}
