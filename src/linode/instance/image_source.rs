//! Which image instances are made from: one that the user names, a file, or the newest of this version in the account.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::linode::api::client::ApiClient;
use crate::linode::api::images::{self, AccountImage};
use crate::linode::api::regions::{Region, Regions};
use crate::linode::api::tag::Tag;
use crate::linode::error::LinodeError;
use crate::linode::image::check::{CheckedImage, check_image};
use crate::linode::image::description;
use crate::linode::image::label::ImageLabel;
use crate::linode::image::upload::{IfUploaded, ImageOrigin, UploadOptions, UploadedImage, upload};
use crate::linode::image_status::ImageStatus;
use crate::stack::Stack;
use crate::system::progress::Reporter;

/// The ID of an uploaded image: `private/N`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageId(String);

impl ImageId {
    /// # Errors
    /// When the text has another form.
    pub fn new(text: &str) -> Result<Self, LinodeError> {
        let number = text.strip_prefix("private/").filter(|number| (1..=18).contains(&number.len()));
        if number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit())) {
            return Ok(Self(text.to_owned()));
        }
        Err(LinodeError::argument(
            format!("`{text}` is not the ID of an uploaded image: that is private/N"),
            "`stackdeb upload` prints an image's ID; to name a file, leave out --image",
        ))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where the image comes from.
#[derive(Debug)]
pub enum ImageSource {
    /// It is in the account.
    Uploaded(ImageId),
    /// It is in a file, which is uploaded unless it was before.
    File(CheckedImage, UploadOptions),
    /// It is the newest in the account that was made from a file of this name.
    Newest(String),
}

/// What the user says about the image. Nothing of it has been checked.
#[derive(Debug, Clone, Copy)]
pub struct ImageChoice<'a> {
    pub id: Option<&'a str>,
    pub file: Option<&'a Path>,
    /// The region that a file is uploaded to.
    pub region: &'a Region,
    /// How long an image may take to become available after its file has arrived.
    pub timeout: Duration,
}

impl ImageSource {
    /// The image that the user chose, else the one in the project's folder `dist`, else the account's. A file is read whole.
    ///
    /// # Errors
    /// When the ID has another form, or the file is not an image that Linode can use; or when the user interrupts.
    pub fn choose(stack: &Stack, choice: &ImageChoice, reporter: Reporter) -> Result<Self, LinodeError> {
        if let Some(id) = choice.id {
            return ImageId::new(id).map(Self::Uploaded);
        }
        let file_name = stack.image_file_name();
        let built = || Some(stack.dist().join(&file_name)).filter(|path| path.exists());
        let Some(path) = choice.file.map(PathBuf::from).or_else(built) else { return Ok(Self::Newest(file_name)) };
        let named = path.file_name().unwrap_or_default().to_string_lossy();
        description::refuse_other_variant(&named, stack)?;
        let options = UploadOptions {
            label: ImageLabel::of_file(&path)?,
            region: choice.region.clone(),
            tags: vec![Tag::of_stack(stack)?],
            if_uploaded: IfUploaded::Reuse,
            timeout: choice.timeout,
        };
        Ok(Self::File(check_image(&path, reporter)?, options))
    }

    /// Finds the image in the account, or uploads it.
    ///
    /// # Errors
    /// When the account has no such image that is available, or the upload fails.
    pub fn provide(
        &self,
        client: &ApiClient,
        regions: &Regions,
        reporter: Reporter,
    ) -> Result<UploadedImage, LinodeError> {
        let image = match self {
            Self::File(file, options) => return upload(client, regions, file, options, reporter),
            Self::Uploaded(id) => {
                let found = images::get(client, id.as_str())?.filter(is_available);
                found.ok_or_else(|| LinodeError::ImageUnavailable(id.as_str().to_owned()))?
            }
            Self::Newest(file) => {
                let own = images::list_own(client)?.into_iter().filter(is_available);
                let same = own.filter(|image| description::file_name(image) == Some(file));
                let newest = same.max_by(|one, other| one.created.cmp(&other.created));
                newest.ok_or_else(|| LinodeError::NoImage { file: file.clone() })?
            }
        };
        Ok(UploadedImage { image, origin: ImageOrigin::Found })
    }
}

fn is_available(image: &AccountImage) -> bool {
    image.status == ImageStatus::Available
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_private_and_a_number() {
        for bad in ["", "15", "linode/debian13", "private/", "private/1/2", "private/x"] {
            assert!(ImageId::new(bad).is_err(), "{bad}");
        }
        assert_eq!(ImageId::new("private/15").unwrap().as_str(), "private/15");
    }
}
