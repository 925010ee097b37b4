//! The whole upload: checks whether the account has the image already, makes one, sends the file, and waits until the image
//! is available. If something fails before the file has arrived, the half-made image is deleted.

use std::path::Path;
use std::time::Duration;

use super::check::{CheckedImage, check_image};
use super::description;
use super::label::ImageLabel;
use super::transfer;
use super::wait::wait;
use crate::linode::api::client::ApiClient;
use crate::linode::api::images::{self, AccountImage, CreateImage};
use crate::linode::api::regions::{Region, Regions};
use crate::linode::api::tag::Tag;
use crate::linode::error::LinodeError;
use crate::linode::image_status::ImageStatus;
use crate::system::progress::Reporter;

/// How a file is to be uploaded.
#[derive(Debug, Clone)]
pub struct UploadOptions {
    pub label: ImageLabel,
    /// The region that the file is sent to. Instances can be made from the image in every region.
    pub region: Region,
    pub tags: Vec<Tag>,
    pub if_uploaded: IfUploaded,
    /// How long the image may take to become available after its file has arrived.
    pub timeout: Duration,
}

/// What to do when the account has an image of the same file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfUploaded {
    Reuse,
    UploadAgain,
}

/// An image in the account that is available.
#[derive(Debug)]
pub struct UploadedImage {
    pub image: AccountImage,
    pub origin: ImageOrigin,
}

/// How an image came into the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageOrigin {
    /// The file was sent now.
    SentNow,
    /// The same image was at Linode already, and nothing was sent.
    Found,
}

/// Checks an image file and uploads it. Tells `reporter` what a person would want to know.
///
/// # Errors
/// As [`check_image`] and [`upload`].
pub fn upload_file(
    client: &ApiClient,
    path: &Path,
    options: &UploadOptions,
    reporter: Reporter,
) -> Result<(CheckedImage, UploadedImage), LinodeError> {
    let image = check_image(path, reporter)?;
    let uploaded = upload(client, &Regions::default(), &image, options, reporter)?;
    Ok((image, uploaded))
}

/// Uploads an image. Tells `reporter` what a person would want to know.
///
/// # Errors
/// When the API or the object storage refuses, cannot be reached or takes too long, or the user interrupts. No image
/// remains then, unless its file has arrived and the user has not interrupted; `reporter` prints how to delete it.
pub fn upload(
    client: &ApiClient,
    regions: &Regions,
    image: &CheckedImage,
    options: &UploadOptions,
    reporter: Reporter,
) -> Result<UploadedImage, LinodeError> {
    let own = images::list_own(client)?;
    regions.require_for_images(client, &options.region)?;
    if let Some(found) = find(client, own, image, options.if_uploaded, reporter) {
        reporter.say(&format!("{} was uploaded before as {} ({})", image.file_name(), found.id, found.label));
        let image = wait(client, &found.id, options.timeout, reporter)?;
        return Ok(UploadedImage { image, origin: ImageOrigin::Found });
    }
    let new = CreateImage {
        label: options.label.as_str(),
        region: &options.region,
        description: &description::description(&image.file_name(), image.sha256),
        cloud_init: true,
        tags: &options.tags,
    };
    let pending = images::create(client, &new)?;
    let id = &pending.image.id;
    let has_arrived = || {
        let status = images::get(client, id).ok().flatten().map(|image| image.status);
        status.is_some_and(|status| matches!(status, ImageStatus::Creating | ImageStatus::Available))
    };
    if let Err(error) = transfer::send(client, &pending.upload_to, image, &has_arrived, reporter) {
        delete(client, id, reporter);
        return Err(error);
    }
    match wait(client, id, options.timeout, reporter) {
        Ok(image) => Ok(UploadedImage { image, origin: ImageOrigin::SentNow }),
        Err(error) => {
            match &error {
                LinodeError::Interrupted(_) => delete(client, id, reporter),
                LinodeError::Discarded { .. } => {}
                _ => {
                    let delete = client.delete_command(&images::path(id));
                    reporter.say(&format!("{id} stays, because its file has arrived; if you do not want it: {delete}"));
                }
            }
            Err(error)
        }
    }
}

/// An image of the same file that is available or will be. Reports those that still wait for their file.
fn find(
    client: &ApiClient,
    own: Vec<AccountImage>,
    image: &CheckedImage,
    if_uploaded: IfUploaded,
    reporter: Reporter,
) -> Option<AccountImage> {
    let same = own.into_iter().filter(|own| description::is_of(own, image.sha256));
    let (waiting, made): (Vec<AccountImage>, Vec<AccountImage>) =
        same.partition(|own| matches!(own.status, ImageStatus::PendingUpload | ImageStatus::Other));
    for AccountImage { id, .. } in waiting {
        let delete = client.delete_command(&images::path(&id));
        reporter.say(&format!(
            "{id} waits for this file since an earlier attempt; unless that goes on, delete it: {delete}"
        ));
    }
    let best = made.into_iter().max_by_key(|own| own.status == ImageStatus::Available);
    best.filter(|_| if_uploaded == IfUploaded::Reuse)
}

/// Deletes a half-made image. The command that does the same is shown first: a second interrupt ends the program at once.
fn delete(client: &ApiClient, id: &str, reporter: Reporter) {
    let command = client.delete_command(&images::path(id));
    reporter.say(&format!("deleting the half-made image {id}; if that does not finish, this does it: {command}"));
    match images::delete(client, id) {
        Ok(()) => reporter.say(&format!("{id} is deleted")),
        Err(error) => reporter.say(&format!("{error}; delete it yourself: {command}")),
    }
}
