//! Puts the packages of a stack together: the rendered files and scripts, the health check's program, and the control data.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use super::description;
use crate::control::{Architecture, Comparison, Relation, Relations};
use crate::deb::debug_package::SOURCE;
use crate::deb::elf::{self, ElfError, Programs};
use crate::deb::{Content, Control, ControlRules, DebugFiles, InstallOrderError, Package, PayloadError, install_calls};
use crate::python::Libraries;
use crate::render::{self, AppNotes, FurtherRendered, RenderError, RenderedPackage};
use crate::stack::{FurtherPackage, OtherRelations, Stack};
use crate::system::epoch::Epoch;

/// Why a stack's package cannot be put together.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum AssembleError {
    /// A template or a file of the app is wrong.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Render(#[from] RenderError),
    /// Two packages wait for each other.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Order(#[from] InstallOrderError),
    /// A file of the project has the path of the health check's program.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Payload(#[from] PayloadError),
    /// The health check's program is not there.
    #[error("cannot read the health check's program {path}: {source}")]
    #[diagnostic(help(
        "it belongs beside stackdeb; in the folder of stackdeb's source, `cargo build --release -p health-check` builds it"
    ))]
    HealthCheck {
        /// Where it was looked for.
        path: String,
        #[source]
        source: io::Error,
    },
    /// The health check's program does not run on a Debian server.
    #[error("the health check's program {path} cannot be packaged")]
    Elf {
        path: String,
        #[source]
        #[diagnostic_source]
        source: ElfError,
    },
}

/// A stack's package, put together.
pub struct Assembled {
    pub package: Package,
    /// The stack's programs. The packages with their libraries are not among the dependencies yet.
    pub programs: Programs,
    /// The debugging data that were taken out of them.
    pub debug: DebugFiles,
    /// What of the app is left out, and what its user should look at.
    pub notes: AppNotes,
    /// The further packages, in the order of the manifest.
    pub further: Vec<AssembledFurther>,
}

/// A further package of a stack, put together. The fields are those of [`Assembled`].
pub struct AssembledFurther {
    pub package: Package,
    pub programs: Programs,
    pub debug: DebugFiles,
}

impl Assembled {
    /// Adds the packages with the libraries that programs link, which `find` finds. It gets the programs of each package, and
    /// the other packages with the names of their files.
    ///
    /// # Errors
    /// Those of `find`.
    pub fn add_linked<E>(
        &mut self,
        find: impl Fn(&Programs, &[(Relation, BTreeSet<String>)]) -> Result<Relations, E>,
    ) -> Result<(), E> {
        let further = self.further.iter_mut().map(|further| (&mut further.package.control, &further.programs));
        let mut all: Vec<(&mut Control, &Programs)> =
            [(&mut self.package.control, &self.programs)].into_iter().chain(further).collect();
        let same_version = |control: &Control| Relation {
            version: Some((Comparison::Equal, control.version.clone())),
            ..Relation::any_version(control.package.clone())
        };
        let shipped: Vec<(Relation, BTreeSet<String>)> =
            all.iter().map(|(control, programs)| (same_version(control), programs.shipped.clone())).collect();
        for (control, programs) in &mut all {
            let others = shipped.iter().filter(|(relation, _)| relation.name != control.package).cloned();
            for relation in find(programs, &others.collect::<Vec<_>>())?.0 {
                control.depends.add(relation);
            }
        }
        Ok(())
    }

    /// Checks that dpkg can install all packages side by side.
    ///
    /// # Errors
    /// When two of them have something else at one path, or each is to be configured before the other.
    pub fn check_together(&self) -> Result<(), AssembleError> {
        let all = [&self.package].into_iter().chain(self.further.iter().map(|further| &further.package));
        render::check_apart(all.clone().map(|package| (&package.control.package, &package.payload)))?;
        install_calls(&all.map(|package| package.control.stanza(0)).collect::<Vec<_>>())?;
        Ok(())
    }
}

/// Puts the package of `stack` together. `libraries` are packed with it; `health_check` is the program's file, built for
/// amd64; `epoch` is the time of everything in the package.
///
/// # Errors
/// When a template or a file of the app is wrong, or the program cannot be read or would not run on a Debian server.
pub fn assemble(
    stack: &Stack,
    libraries: &Libraries,
    health_check: &Path,
    epoch: Epoch,
) -> Result<Assembled, AssembleError> {
    let RenderedPackage { mut payload, conffiles, scripts, depends, programs, debug, recommends, notes } =
        render::package_files_with(stack, libraries)?;
    let path = || health_check.display().to_string();
    let program = fs::read(health_check).map_err(|source| AssembleError::HealthCheck { path: path(), source })?;
    let elf = |source| AssembleError::Elf { path: path(), source };
    let mut needed = elf::dependencies(&program).map_err(elf)?;
    let program = elf::strip(&program).map_err(elf)?;
    payload.add_file(&render::health_check_path(&stack.package.name), Content::Bytes(program), 0o755)?;
    for relation in depends.0 {
        needed.add(relation);
    }
    let package = Package {
        control: control(stack, needed, recommends),
        payload,
        conffiles,
        scripts,
        triggers: None,
        compression: stack.package.compression,
        epoch,
    };
    let further = render::further_packages(stack)?.into_iter().zip(&stack.further_packages);
    let further = further.map(|(rendered, of)| put_together(rendered, of, &package)).collect();
    Ok(Assembled { package, programs, debug, notes, further })
}

/// A further package beside the stack's own one.
fn put_together(rendered: FurtherRendered, of: &FurtherPackage, own: &Package) -> AssembledFurther {
    let FurtherRendered { architecture, payload, conffiles, scripts, programs, debug } = rendered;
    let OtherRelations { pre_depends, recommends, suggests, conflicts, breaks, replaces, provides } =
        of.relations.clone();
    let control = Control {
        package: of.name.clone(),
        architecture,
        pre_depends,
        depends: of.depends.clone(),
        recommends,
        suggests,
        conflicts,
        breaks,
        replaces,
        provides,
        section: Some(of.section.clone()),
        priority: of.priority,
        homepage: of.homepage.clone(),
        summary: of.summary.clone(),
        description: description::filled(&of.description),
        extra: vec![(SOURCE.to_owned(), own.control.package.to_string())],
        ..own.control.clone()
    };
    let package = Package { control, payload, conffiles, scripts, ..own.clone() };
    AssembledFurther { package, programs, debug }
}

fn control(stack: &Stack, depends: Relations, mut recommends: Relations) -> Control {
    let package = &stack.package;
    recommends.0.extend(package.relations.recommends.0.iter().cloned());
    let OtherRelations { pre_depends, suggests, conflicts, breaks, replaces, provides, .. } = package.relations.clone();
    Control {
        rules: ControlRules::Policy,
        package: package.name.clone(),
        version: package.version.clone(),
        architecture: Architecture::Amd64,
        maintainer: package.maintainer.clone(),
        pre_depends,
        depends,
        recommends,
        suggests,
        enhances: Relations::default(),
        conflicts,
        breaks,
        replaces,
        provides,
        section: Some(package.section.clone()),
        priority: package.priority,
        homepage: package.homepage.clone(),
        summary: package.summary.clone(),
        description: description::filled(&package.description),
        extra: Vec::new(),
    }
}
