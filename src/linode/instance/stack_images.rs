//! Which image an instance is made of: one that is named, a file that is uploaded unless it was before, or the newest that
//! the account has of this version.

use std::time::Duration;

use crate::control::PackageName;
use crate::linode::api::client::Client;
use crate::linode::api::images::{self, Image, Status};
use crate::linode::deploy_error::DeployError;
use crate::linode::image::check::{CheckedImage, Request};
use crate::linode::image::upload::{Duplicate, Origin, upload};

/// Where the image comes from.
#[derive(Debug)]
pub enum Source {
    /// The one of that name: `private/N`.
    Named(String),
    /// A file.
    File(CheckedImage, Request),
    /// The newest that was made from a file of that name.
    InAccount(String),
}

/// Checks the name of an uploaded image.
///
/// # Errors
/// When it has another form.
pub fn check_name(text: &str) -> Result<(), DeployError> {
    let number = text.strip_prefix("private/").filter(|number| (1..=18).contains(&number.len()));
    let good = number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    if good { Ok(()) } else { Err(DeployError::ImageName(text.to_owned())) }
}

/// Finds the image, or uploads it.
///
/// # Errors
/// When it is not there, or not available, or the upload fails.
pub fn bring(
    client: &Client,
    source: &Source,
    patience: Duration,
    say: &dyn Fn(&str),
) -> Result<(Image, Origin), DeployError> {
    let image = match source {
        Source::File(file, request) => return Ok(upload(client, file, request, Duplicate::Reuse, patience, say)?),
        Source::Named(id) => {
            let found = images::get(client, id)?.filter(|image| image.status == Status::Available);
            found.ok_or_else(|| DeployError::ImageUnavailable(id.clone()))?
        }
        Source::InAccount(file) => {
            let own = images::list_own(client)?.into_iter();
            let fitting = own.filter(|image| image.status == Status::Available && file_name(image) == Some(file));
            let newest = fitting.max_by(|one, other| one.created.cmp(&other.created));
            newest.ok_or_else(|| DeployError::NoImage { file: file.clone() })?
        }
    };
    Ok((image, Origin::Found))
}

/// The name of the file that an image was made from, if this program uploaded it.
fn file_name(image: &Image) -> Option<&str> {
    image.description.as_deref()?.split_once(", uploaded by stackdeb").map(|(name, _)| name)
}

/// The version of a stack that an image holds, if its file's name tells.
pub fn version<'a>(image: &'a Image, stack: &PackageName) -> Option<&'a str> {
    let rest = file_name(image)?.strip_prefix(stack.as_str())?.strip_prefix('-')?;
    rest.strip_suffix("-linode.img.gz").filter(|version| version.starts_with(|first: char| first.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::hash::Sha256;

    #[test]
    fn an_image_tells_its_version() {
        let image = |file: &str| Image {
            id: "private/1".into(),
            label: "x".into(),
            status: Status::Available,
            size: None,
            description: Some(images::description(file, Sha256::of(b""))),
            tags: Vec::new(),
            created: None,
        };
        let shop: PackageName = "shop".parse().unwrap();
        assert_eq!(version(&image("shop-1.0+rc1-linode.img.gz"), &shop), Some("1.0+rc1"));
        for other in ["shop-admin-1.0-linode.img.gz", "shop.img.gz", "till-1.0-linode.img.gz"] {
            assert_eq!(version(&image(other), &shop), None, "{other}");
        }
        for bad in ["", "15", "linode/debian13", "private/", "private/1/2", "private/x"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
        assert!(check_name("private/15").is_ok());
    }
}
