//! A stack on several machines at Linode, as a configuration for Terraform or OpenTofu and Linode's provider 3.13: web machines
//! made of the image, a balancer, a database, the network between them. A [`Stack`] and a folder come in; the files of
//! `image/terraform/`, rendered, are in the folder then. `folder` looks after what somebody has edited there.

mod folder;

use std::io;
use std::path::{Component, Path, PathBuf};

use crate::linode::image::check;
use crate::render::RenderError;
use crate::render::terraform::{TerraformFacts, terraform_files};
use crate::stack::Stack;
use crate::system::output::OutputError;

pub use folder::{Edited, Written};

/// The longest name of the configuration, in characters: a balancer's, a database's and a firewall's label has 32 at most,
/// and the name is followed by `-balancer` or `-database`.
const LONGEST_LABEL: usize = 23;

/// Why no configuration was written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum TerraformError {
    /// A template.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Render(#[from] RenderError),
    /// Somebody has put work into what would be replaced.
    #[error("{folder} has edited files for which there is something new: {files}; nothing was changed")]
    #[diagnostic(help(
        "look at the new text with --out in another folder, and take over what you want; --force replaces what was edited"
    ))]
    Edited {
        /// The folder.
        folder: String,
        /// The files' names.
        files: String,
    },
    /// The folder is somebody else's.
    #[error("{folder} has a configuration that is not from this program: {files}; nothing was changed")]
    #[diagnostic(help(
        "name another folder with --out; --force writes ours beside it, in the place of files of the same names"
    ))]
    Foreign {
        /// The folder.
        folder: String,
        /// The files' names.
        files: String,
    },
    /// The folder, or a file in it.
    #[error("cannot read {path}: {source}")]
    #[diagnostic(help(
        "check that it is what it should be, and that you may read it; or name another folder with --out"
    ))]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The image's place cannot stand in a text file.
    #[error("the way from {0} to the image has a name in it that is not UTF-8")]
    #[diagnostic(help("rename the folder, or name another one with --out"))]
    FileName(String),
    /// The disk.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
}

/// Writes the configuration of `stack` into `folder`.
///
/// # Errors
/// When a template has a mistake, when a file in the way was edited (but for [`Edited::Replace`]), or when the folder cannot
/// be read or written. Everything is checked before anything is written.
pub fn write(stack: &Stack, folder: &Path, edited: Edited) -> Result<Written, TerraformError> {
    let image = stack.folder.join("dist").join(stack.image_file_name());
    let unreadable = |source| TerraformError::Unreadable { path: folder.display().to_string(), source };
    let way = way(&real(folder).map_err(unreadable)?, &real(&image).map_err(unreadable)?);
    let facts = TerraformFacts {
        image_file: way.to_str().ok_or_else(|| TerraformError::FileName(folder.display().to_string()))?,
        image_label: &check::default_label(&image),
        label: &label(stack.package.name.as_str()),
        longest_label: LONGEST_LABEL,
    };
    folder::update(folder, &terraform_files(stack, &facts)?, edited)
}

/// What labels begin with: letters, digits and single hyphens, a letter first, so that it is good for everything that has a
/// label, and for host names.
fn label(stack: &str) -> String {
    let mut label = String::new();
    for character in stack.chars() {
        match character.to_ascii_lowercase() {
            good @ ('a'..='z' | '0'..='9') => label.push(good),
            _ if label.is_empty() || label.ends_with('-') => {}
            _ => label.push('-'),
        }
    }
    if !label.starts_with(|first: char| first.is_ascii_lowercase()) {
        label.insert_str(0, "stack-");
    }
    label.truncate(LONGEST_LABEL);
    label.trim_end_matches('-').to_owned()
}

/// A path without links in the part of it that is there already.
fn real(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let mut missing = PathBuf::new();
    for there in path.ancestors() {
        match there.canonicalize() {
            Ok(real) => return Ok(real.join(path.strip_prefix(there).unwrap_or(&missing))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    missing.push(&path);
    Ok(missing)
}

/// The way from a folder to a file, so that a project may be moved.
fn way(folder: &Path, file: &Path) -> PathBuf {
    let (folder, file): (Vec<Component>, Vec<Component>) = (folder.components().collect(), file.components().collect());
    let common = folder.iter().zip(&file).take_while(|(one, other)| one == other).count();
    let up = folder.iter().skip(common).map(|_| Component::ParentDir);
    up.chain(file.iter().skip(common).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_good_for_everything() {
        let cases = [
            ("shop", "shop"),
            ("guest--book-", "guest-book"),
            ("c++.app", "c-app"),
            ("7zip", "stack-7zip"),
            ("a-name-of-31-characters-x-x-x-x", "a-name-of-31-characters"),
            ("a-name-with-23-letters-and-more", "a-name-with-23-letters"),
        ];
        for (name, expected) in cases {
            assert_eq!(label(name), expected, "{name}");
        }
    }

    #[test]
    fn the_way_to_the_image_is_a_relative_one() {
        let image = Path::new("/home/jane/shop/dist/image");
        assert_eq!(way(Path::new("/home/jane/shop/terraform"), image), Path::new("../dist/image"));
        assert_eq!(way(Path::new("/home/jane/shop"), image), Path::new("dist/image"));
        assert_eq!(way(Path::new("/srv/a/b"), image), Path::new("../../../home/jane/shop/dist/image"));
    }
}
