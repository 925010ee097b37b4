//! Turns a stack into files: what its package installs on a server ([`package_files`]: units, nginx site, maintainer
//! scripts, app, changelog), what its disk image has beside its packages ([`image::image_files`]), what a new instance is
//! told ([`user_data::user_data`]), and what runs several machines ([`terraform::terraform_files`]). Most files are made
//! from the Handlebars templates in `debian/`, `units/`, `nginx/` and `image/`.
//!
//! The health check's program is not among the files: the caller adds it at [`health_check_path`].

mod app;
mod context;
mod destination;
mod destinations;
mod error;
mod further_files;
mod further_packages;
pub mod image;
mod image_templates;
mod libraries;
mod machine_code;
mod notes;
mod of_crate;
mod overrides;
mod papers;
mod process;
mod process_variables;
pub mod programs;
mod relations;
mod server;
mod site;
pub mod static_files;
mod template;
pub mod terraform;
pub mod user_data;

use std::fs;
use std::path::Path;

use crate::control::{PackageName, Relations};
use crate::deb::elf::Programs;
use crate::deb::{Content, DebugFiles, Payload, Scripts};
use crate::python::Libraries;
use crate::stack::{Stack, migration_names};

pub use error::RenderError;
pub use further_packages::{FurtherRendered, check_apart, further_packages};
pub use notes::{AppNotes, AppRule, LeftOut};
pub use papers::{DISTRIBUTION, URGENCY, changes};

use context::Context;
use destination::FileKind;
use destinations::{destinations, template_names};
use template::{Templates, template};

/// All that the package of a stack consists of, except for the health-check binary.
#[derive(Debug, Clone)]
pub struct RenderedPackage {
    /// Files, folders and symbolic links.
    pub payload: Payload,
    /// The files that the administrator may edit: dpkg asks before it replaces an edited one (deb-conffiles(5)). In
    /// the order of their paths.
    pub conffiles: Vec<String>,
    /// The maintainer scripts. There is a preinst only if the project has the template `debian/preinst`.
    pub scripts: Scripts,
    /// The packages without which the stack does not run; those of the health-check binary, and those with the libraries of
    /// `programs`, are not among them.
    pub depends: Relations,
    /// The programs in machine code.
    pub programs: Programs,
    /// The debugging data that were taken out of them.
    pub debug: DebugFiles,
    /// The packages that a server should have as well.
    pub recommends: Relations,
    /// What of the app is left out, and what its user should look at.
    pub notes: AppNotes,
}

/// Where the health check's program must be installed, with mode 0755: `/usr/libexec/NAME/health-check`.
pub fn health_check_path(name: &PackageName) -> String {
    format!("/usr/libexec/{name}/health-check")
}

/// Renders everything that the package has, except for the health check's program.
///
/// # Errors
/// When a template has a mistake or uses an unknown variable, a file of the app or a template of the project cannot be
/// read, or a link in the app's folder leads out of it.
pub fn package_files(stack: &Stack) -> Result<RenderedPackage, RenderError> {
    package_files_with(stack, &Libraries::default())
}

/// The same with libraries from the Python Package Index.
///
/// # Errors
/// As [`package_files`], and when two libraries, or a library and the stack, have one file.
pub fn package_files_with(stack: &Stack, libraries: &Libraries) -> Result<RenderedPackage, RenderError> {
    overrides::check(&stack.folder, &template_names())?;
    let (mut payload, notes) = match stack.app.kind.has_processes() {
        true => app_files(stack, libraries)?,
        false => (Payload::default(), AppNotes::default()),
    };
    let machine_code = machine_code::of(stack, &payload)?;
    let mut context = Context::of(stack, libraries);
    context.handed_over = further_files::handed_over(&stack.further_files)?;
    context.program_overrides = machine_code.overrides;
    let mut templates = Templates::of_project(&stack.folder, &context)?;
    for part in destinations::PARTS {
        templates.add_part(part)?;
    }
    let name = &stack.package.name;

    let mut conffiles = Vec::new();
    for (template, path, mode, kind) in destinations(stack) {
        payload.add_file(&path, Content::Bytes(templates.render(template)?.into_bytes()), mode)?;
        if kind == FileKind::Conffile {
            conffiles.push(path);
        }
    }
    for (path, text) in process::units(stack, libraries, &templates)? {
        payload.add_file(&path, Content::Bytes(text.into_bytes()), 0o644)?;
    }
    let (path, changelog) = papers::changelog(stack, name)?;
    payload.add_file(&path, Content::Bytes(changelog), 0o644)?;
    if stack.app.kind.has_processes() {
        let manual = papers::compressed(&templates.render(papers::MANUAL)?)?;
        payload.add_file(&format!("/usr/share/man/man1/{name}.1.gz"), Content::Bytes(manual), 0o644)?;
        check_migrations(stack, &payload)?;
        programs::check(stack, &payload)?;
    }
    let notes = AppNotes { site: static_files::add(&mut payload, stack)?, ..notes };
    static_files::check(stack, &payload)?;
    // Empty: the administrator puts programs there.
    payload.add_folder(&format!("/etc/{name}/balancers.d"), 0o755)?;
    payload.add_folder(&format!("/etc/{name}/health-alert.d"), 0o755)?;
    conffiles.extend(further_files::add(&mut payload, &stack.further_files)?);
    conffiles.extend(stack.app.kind.of_crate().into_iter().flat_map(|origin| origin.files.conffiles.iter().cloned()));
    conffiles.sort();
    for (path, program) in machine_code.stripped {
        payload.replace_content(&path, Content::Bytes(program));
    }

    let scripts = Scripts {
        preinst: templates.render_own("debian/preinst")?,
        postinst: Some(templates.render(template!("debian/postinst"))?),
        prerm: Some(templates.render(template!("debian/prerm"))?),
        postrm: Some(templates.render(template!("debian/postrm"))?),
    };
    let depends = relations::depends(stack, libraries)?;
    let recommends = relations::recommends()?;
    let (programs, debug) = (machine_code.programs, machine_code.debug);
    Ok(RenderedPackage { payload, conffiles, scripts, depends, programs, debug, recommends, notes })
}

/// The part of the package that the app's own programs need: its files, its libraries, and the folders of programs. What of
/// the app is left out comes with it.
///
/// # Errors
/// As [`package_files_with`].
pub fn app_files(stack: &Stack, libraries: &Libraries) -> Result<(Payload, AppNotes), RenderError> {
    let mut payload = Payload::default();
    let notes = match stack.app.kind.of_crate() {
        Some(origin) => of_crate::add(&mut payload, stack, origin)?,
        None => app::add(&mut payload, stack, &stack.app_folder())?,
    };
    libraries::add(&mut payload, stack, libraries)?;
    programs::add(stack, &mut payload)?;
    Ok((payload, notes))
}

/// Checks that each migration is packed: one that a rule or `[app] exclude` leaves out would never be run.
fn check_migrations(stack: &Stack, payload: &Payload) -> Result<(), RenderError> {
    let Some(folder) = stack.database.as_ref().and_then(|database| database.migrations.as_ref()) else {
        return Ok(());
    };
    let app = &stack.app.folder;
    let real = |path: &Path| {
        fs::canonicalize(path).map_err(|source| RenderError::Unreadable { path: path.display().to_string(), source })
    };
    for name in migration_names(&app.join(folder))? {
        let file = folder.join(name);
        // The folder may be a link to another one of the app.
        let is_packed = real(&app.join(&file))?
            .strip_prefix(real(app)?)
            .is_ok_and(|inside| payload.get(&format!("{}/{}", stack.app_folder(), inside.display())).is_some());
        if !is_packed {
            return Err(RenderError::MigrationNotPacked(file.display().to_string()));
        }
    }
    Ok(())
}
