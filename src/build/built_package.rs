//! What is known of a stack's packages once they are built or checked: their files, control data and libraries, and what the
//! user should look at.

use std::path::{Path, PathBuf};

use super::installed::InstalledInRoots;
use super::packed::Packed;
use crate::control::Stanza;
use crate::deb::{Package, Written};
use crate::python::Libraries;
use crate::render::AppNotes;
use crate::system::epoch::Epoch;

/// A package that was written to a file.
pub struct BuiltPackage {
    pub path: PathBuf,
    pub written: Written,
    /// The package that is published, if `path` is one that only an image installs.
    pub packed: Option<Packed>,
    /// Its control data, as in the file.
    pub control: Stanza,
    /// The time of everything in it.
    pub epoch: Epoch,
    /// What of the app is left out, and what its user should look at.
    pub notes: AppNotes,
    /// The libraries that are packed.
    pub libraries: Libraries,
    /// What was installed where commands ran for it.
    pub installed: InstalledInRoots,
    /// The further packages of the stack, in the order of the manifest.
    pub further: Vec<BuiltBeside>,
    /// The packages with the debugging data of its programs and theirs, before they are written.
    pub(super) debug: Vec<Package>,
}

/// The files that [`super::package::build_into_dist`] wrote for the stack, all in its `dist/`.
pub struct BuiltInDist {
    /// The stack's own package, with the further ones.
    pub package: BuiltPackage,
    /// The packages with debugging data.
    pub debug: Vec<BuiltBeside>,
}

impl BuiltInDist {
    /// What was written beside the stack's own package.
    pub fn beside(&self) -> impl Iterator<Item = &BuiltBeside> {
        self.package.further.iter().chain(&self.debug)
    }
}

/// A package that was written beside a stack's own.
pub struct BuiltBeside {
    pub path: PathBuf,
    pub written: Written,
    /// As in [`BuiltPackage`].
    pub packed: Option<Packed>,
    /// Its control data, as in the file.
    pub control: Stanza,
}

/// A package that can be installed: a file that was written.
pub struct BuiltFile<'a> {
    pub path: &'a Path,
    pub written: &'a Written,
    pub packed: Option<&'a Packed>,
    pub control: &'a Stanza,
}

impl<'a> BuiltFile<'a> {
    /// The file that is published. Waits until it is complete.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn published(&self) -> miette::Result<(&'a Path, Written)> {
        match self.packed {
            None => Ok((self.path, *self.written)),
            Some(packed) => Ok((packed.path(), packed.written()?)),
        }
    }
}

impl BuiltPackage {
    /// The stack's own package and the further ones, in the order of the manifest.
    pub fn files(&self) -> impl Iterator<Item = BuiltFile<'_>> {
        let Self { path, written, packed, control, .. } = self;
        let own = BuiltFile { path, written, packed: packed.as_ref(), control };
        let further = self.further.iter().map(|BuiltBeside { path, written, packed, control }| {
            let packed = packed.as_ref();
            BuiltFile { path, written, packed, control }
        });
        [own].into_iter().chain(further)
    }

    /// What the user should look at, one sentence each.
    pub fn warnings(&self) -> Vec<String> {
        warnings(&self.notes, &self.libraries)
    }
}

/// What was found out about a package without writing it.
pub struct CheckedStack {
    /// Its control data, without its size.
    pub control: Stanza,
    /// The same of the further packages, in the order of the manifest.
    pub further: Vec<Stanza>,
    /// What of the app is left out, and what its user should look at.
    pub notes: AppNotes,
    /// The libraries that are packed.
    pub libraries: Libraries,
}

impl CheckedStack {
    /// What the user should look at, one sentence each.
    pub fn warnings(&self) -> Vec<String> {
        warnings(&self.notes, &self.libraries)
    }
}

fn warnings(notes: &AppNotes, libraries: &Libraries) -> Vec<String> {
    notes.warnings().into_iter().chain(libraries.needs.warnings.iter().cloned()).collect()
}
