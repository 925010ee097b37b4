//! Writes a configuration for Terraform or OpenTofu and version 3.13 of Linode's provider: a stack on several web
//! machines, with a load balancer, a database and a network between them. The files of `image/terraform/` are rendered
//! for a [`Stack`] and written to a folder; `folder` protects what somebody has edited there.

mod folder;

use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};

use self::folder::unreadable;
use crate::disk::manifest::{InstalledStack, Manifest};
use crate::linode::error::LinodeError;
use crate::linode::image::label::ImageLabel;
use crate::render::terraform::{FurtherSite, TerraformFacts, terraform_files};
use crate::stack::{Stack, Tls};

pub use folder::{Edited, WrittenFiles};

/// How long the part that all labels of the configuration begin with may be, in characters. The label of a balancer, a
/// database or a firewall has at most 32, and `-balancer` or `-database` follows.
const LONGEST_LABEL: usize = 23;

/// Whether the configuration names the hash of the image file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageState {
    Described,
    /// It is to be at this path, and is not there. The configuration cannot be applied until it is written again.
    Missing(PathBuf),
}

/// What [`write()`] wrote, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenConfiguration {
    pub folder: PathBuf,
    pub files: WrittenFiles,
    pub image: ImageState,
}

/// What the user should know before the configuration is written, one sentence each.
pub fn warnings(stack: &Stack) -> Vec<String> {
    let acme = matches!(stack.site.tls, Tls::Acme { .. }).then(|| {
        "the certificate authority's question reaches any of the machines, and only the one that asked can answer: with more \
         than one machine let HTTPS end at the balancer, or name certificate files in [site] tls"
            .to_owned()
    });
    let image = stack.dist().join(stack.image_file_name());
    let further = Manifest::further_stacks_beside(&image, &stack.package.name);
    let names: Vec<&str> = further.iter().map(|stack| stack.name.as_str()).collect();
    let alone = (!names.is_empty()).then(|| {
        format!(
            "the image has {} as well, and this configuration sets the database and SECRET_KEY of {} alone: on each machine \
             the others have their own",
            names.join(", "),
            stack.package.name
        )
    });
    acme.into_iter().chain(alone).collect()
}

/// The folder `terraform` in the project; for a variant, one with its name.
fn default_folder(stack: &Stack) -> PathBuf {
    let variant = stack.variant().map(|name| format!("-{name}")).unwrap_or_default();
    stack.folder.join(format!("terraform{variant}"))
}

/// Writes the configuration of `stack` into `folder`; when that is `None`, into one in the project.
///
/// # Errors
/// When a template has a mistake, when a file that would be replaced was edited (except with [`Edited::Replace`]), or
/// when the folder cannot be read or written. Everything is checked before anything is written.
pub fn write(stack: &Stack, folder: Option<&Path>, edited: Edited) -> Result<WrittenConfiguration, LinodeError> {
    let folder = folder.map_or_else(|| default_folder(stack), Path::to_owned);
    let image = stack.dist().join(stack.image_file_name());
    let unreadable = |source| unreadable(&folder, source);
    let path = relative(&real(&folder).map_err(unreadable)?, &real(&image).map_err(unreadable)?);
    let image_label = ImageLabel::of_file(&image)?;
    let image_hash = md5_of(&image)?;
    let further: Vec<FurtherSite> = Manifest::further_stacks_beside(&image, &stack.package.name)
        .into_iter()
        .map(|InstalledStack { name, port, https, health_path, .. }| FurtherSite { name, port, https, health_path })
        .collect();
    let facts = TerraformFacts {
        image_file: path.to_str().ok_or_else(|| {
            let problem = format!("the path from {} to the image has a name that is not UTF-8", folder.display());
            LinodeError::argument(problem, "rename the folder, or name another one with --out")
        })?,
        image_hash: image_hash.as_deref().unwrap_or_default(),
        image_label: image_label.as_str(),
        label: &label(stack.package.name.as_str(), stack.variant()),
        longest_label: LONGEST_LABEL,
        further: &further,
    };
    let image = if image_hash.is_some() { ImageState::Described } else { ImageState::Missing(image) };
    let files = folder::update(&folder, &terraform_files(stack, &facts)?, edited)?;
    Ok(WrittenConfiguration { folder, files, image })
}

/// The MD5 of a file in hexadecimal, as Linode's provider knows an image by it; `None` when there is no file.
fn md5_of(path: &Path) -> Result<Option<String>, LinodeError> {
    let mut context = md5::Context::new();
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(unreadable(path, source)),
    };
    io::copy(&mut file, &mut context).map_err(|source| unreadable(path, source))?;
    Ok(Some(format!("{:x}", context.finalize())))
}

/// What all labels begin with: letters, digits and single hyphens, with a letter first. That is valid for everything
/// that has a label, and in host names.
fn label(stack: &str, variant: Option<&str>) -> String {
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
    // Two variants of a stack with a long name have different labels.
    let end = variant.map(|variant| format!("-{variant}")).unwrap_or_default();
    label.truncate(LONGEST_LABEL.saturating_sub(end.len()));
    format!("{}{end}", label.trim_end_matches('-'))
}

/// A path without symbolic links, for the part that exists.
fn real(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let mut missing = PathBuf::new();
    for existing in path.ancestors() {
        match existing.canonicalize() {
            Ok(real) => return Ok(real.join(path.strip_prefix(existing).unwrap_or(&missing))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    missing.push(&path);
    Ok(missing)
}

/// The relative path from a folder to a file, so that a project can be moved.
fn relative(folder: &Path, file: &Path) -> PathBuf {
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
            assert_eq!(label(name, None), expected, "{name}");
        }
        assert_eq!(label("shop", Some("staging")), "shop-staging");
        assert_eq!(label("a-name-with-23-letters-and-more", Some("eu-west-1")), "a-name-with-2-eu-west-1");
    }

    #[test]
    fn the_path_to_the_image_is_relative() {
        let image = Path::new("/home/jane/shop/dist/image");
        assert_eq!(relative(Path::new("/home/jane/shop/terraform"), image), Path::new("../dist/image"));
        assert_eq!(relative(Path::new("/home/jane/shop"), image), Path::new("dist/image"));
        assert_eq!(relative(Path::new("/srv/a/b"), image), Path::new("../../../home/jane/shop/dist/image"));
    }
}
