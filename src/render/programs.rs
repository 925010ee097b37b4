//! Whether the programs of the app, its workers and its timers will be on the server, as far as a package can tell. An
//! image knows more: see [`missing`].

use super::RenderError;
use crate::control::PackageName;
use crate::deb::{Payload, PayloadEntry};
use crate::stack::{AppKind, CommandLine, Stack};

/// Programs that projects start, and Debian's package of each.
const KNOWN: &[(&str, &str)] = &[
    ("alembic", "alembic"),
    ("celery", "celery"),
    ("django-admin", "python3-django"),
    ("flask", "python3-flask"),
    ("node", "nodejs"),
    ("nodejs", "nodejs"),
    ("rq", "python3-rq"),
    ("rqworker", "python3-rq"),
    ("uvicorn", "uvicorn"),
];

/// Where the units look for a program without a `/` in its name, after the package's
/// own folder: `ExecSearchPath=` in units/sandbox.
const FOLDERS: [&str; 3] = ["/usr/local/bin", "/usr/bin", "/bin"];

/// The package's own folder of programs, which has a link `python` to Debian's `python3`.
pub(super) fn own_folder(name: &PackageName) -> String {
    format!("/usr/libexec/{name}/bin")
}

/// The folder of the programs of packed libraries.
fn libraries_folder(name: &PackageName) -> String {
    format!("/usr/lib/{name}/bin")
}

/// Adds that folder: projects call Python by the name that it has in a virtual environment.
pub(super) fn add(stack: &Stack, payload: &mut Payload) -> Result<(), RenderError> {
    Ok(payload.add_symlink(&format!("{}/python", own_folder(&stack.package.name)), "../../../bin/python3")?)
}

/// Checks that each program is in the package, if it has to be there, or that the package of a known
/// one is among the dependencies.
///
/// # Errors
/// At the first program that would be missing.
pub(super) fn check(stack: &Stack, payload: &Payload) -> Result<(), RenderError> {
    if let AppKind::Exec(program) = &stack.app.kind
        && let Some(origin) = program.of_crate()
    {
        check_of_crate(stack, &program.command, &origin.files.payload)?;
    }
    let app = stack.app_folder();
    for (table, command) in stack.commands() {
        let program = command.program.clone();
        if let Some(path) = command.in_app() {
            if !matches!(
                payload.get(&format!("{app}/{path}")),
                Some(PayloadEntry::File { .. } | PayloadEntry::Symlink { .. })
            ) {
                return Err(RenderError::ProgramNotPacked { table, program });
            }
            continue;
        }
        let name = &stack.package.name;
        let folders = [own_folder(name), libraries_folder(name)];
        let is_own = folders.iter().any(|folder| payload.get(&format!("{folder}/{program}")).is_some());
        let Some((_, package)) = KNOWN.iter().find(|(known, _)| *known == program) else { continue };
        let fields = [&stack.app.depends, &stack.package.depends, &stack.package.relations.pre_depends];
        let relations = fields.into_iter().flat_map(|field| &field.0).flat_map(|one| &one.0);
        if !is_own && !relations.into_iter().any(|relation| relation.name.as_str() == *package) {
            return Err(RenderError::ProgramWithoutPackage { table, program, package });
        }
    }
    Ok(())
}

/// Checks that a crate installs the program that serves. Before cargo has built the crate, nothing is known.
fn check_of_crate(stack: &Stack, command: &CommandLine, files: &Payload) -> Result<(), RenderError> {
    let entries = files.entries();
    let is_program = |entry: &PayloadEntry| matches!(entry, PayloadEntry::File { mode, .. } if mode & 0o111 != 0);
    let programs: Vec<&str> = entries.iter().filter(|(_, entry)| is_program(entry)).map(|(path, _)| *path).collect();
    let program = command.program.as_str();
    let places = match program.starts_with('/') {
        true => vec![program.to_owned()],
        false => {
            let own = [libraries_folder(&stack.package.name), own_folder(&stack.package.name)];
            let folders = own.iter().map(String::as_str).chain(FOLDERS);
            folders.map(|folder| format!("{folder}/{program}")).collect()
        }
    };
    if entries.is_empty() || places.iter().any(|place| entries.contains_key(place.as_str())) {
        return Ok(());
    }
    let known = match programs.is_empty() {
        true => "it installs no program at all".to_owned(),
        false => format!("it installs {}", programs.join(", ")),
    };
    Err(RenderError::ProgramNotOfCrate { program: program.to_owned(), known })
}

/// The programs that a root with the stack lacks, each with its table. `is_there` says whether the root
/// has a file or link with an absolute path.
pub fn missing(stack: &Stack, is_there: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let missing = |(table, command): (String, &CommandLine)| {
        let program = command.program.as_str();
        let found = match (command.in_app(), program.starts_with('/')) {
            (Some(_), _) => true,
            (None, true) => is_there(program),
            (None, false) => {
                let name = &stack.package.name;
                let own = [own_folder(name), libraries_folder(name)];
                let folders = own.iter().map(String::as_str).chain(FOLDERS);
                folders.into_iter().any(|folder| is_there(&format!("{folder}/{program}")))
            }
        };
        (!found).then(|| (table, program.to_owned()))
    };
    stack.commands().filter_map(missing).collect()
}
