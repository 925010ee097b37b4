//! The whole upload: look whether the account has the image already, make one, send the file, wait until it is
//! available. Whatever fails before the file is there takes the half-made image away again, and says how to if that
//! fails too.

use std::time::Duration;

use super::check::{CheckError, CheckedImage, Request};
use super::poll::{self, Waited};
use super::transfer::{self, TransferError};
use crate::linode::api::client::Client;
use crate::linode::api::images::{self, Image, NewImage, Status};
use crate::linode::api::regions;
use crate::linode::api::token::TokenError;
use crate::linode::error::{ApiError, Class};
use crate::system::interrupt::Interrupted;

/// Why there is no image at Linode, or not yet.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum UploadError {
    /// What was to be uploaded.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Check(#[from] CheckError),
    /// The token.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Token(#[from] TokenError),
    /// The API.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Api(#[from] ApiError),
    /// The file's way.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Transfer(#[from] TransferError),
    /// The region does not exist.
    #[error("Linode has no region {region}{}", perhaps(.nearest.as_deref()))]
    #[diagnostic(help("these take images: {takers}"))]
    NoRegion {
        /// As it was given.
        region: String,
        /// One with a similar name.
        nearest: Option<String>,
        /// Those that would do.
        takers: String,
    },
    /// The region takes no images.
    #[error("the region {region} takes no images: only core regions that have object storage do")]
    #[diagnostic(help(
        "these do: {takers}; instances can be made from the image in every region, whichever it was sent to"
    ))]
    RegionWithoutStorage {
        /// As it was given.
        region: String,
        /// Those that would do.
        takers: String,
    },
    /// The image failed at Linode.
    #[error("Linode has discarded the image {id}: {reason}")]
    #[diagnostic(help(
        "Linode shows the event at https://cloud.linode.com/events; reading it here takes a token with the scope \
         events:read_only"
    ))]
    Vanished {
        /// `private/N`.
        id: String,
        /// What the account's events say.
        reason: String,
    },
    /// It takes longer.
    #[error("the image {id} is sent, but not available after {} seconds: it is {status:?}", .patience.as_secs())]
    #[diagnostic(help("run the same command again: it waits for an image that is being made, and sends nothing"))]
    NotYet {
        /// `private/N`.
        id: String,
        /// How far it is.
        status: Status,
        /// How long it was waited for.
        patience: Duration,
    },
}

impl UploadError {
    /// The kind of trouble.
    pub fn class(&self) -> Class {
        match self {
            Self::Check(error) => error.class(),
            Self::Token(_) | Self::NoRegion { .. } | Self::RegionWithoutStorage { .. } => Class::Input,
            Self::Api(error) => error.class(),
            Self::Transfer(error) => match error {
                TransferError::Changed(_) | TransferError::Read { .. } | TransferError::Interrupted(_) => Class::Input,
                TransferError::Refused { .. } | TransferError::Address(_) => Class::Refused,
                TransferError::Network { .. } => Class::Network,
            },
            Self::Vanished { .. } => Class::Refused,
            Self::NotYet { .. } => Class::Network,
        }
    }

    fn is_interrupt(&self) -> bool {
        matches!(self, Self::Api(ApiError::Interrupted(_)) | Self::Transfer(TransferError::Interrupted(_)))
    }
}

impl From<Interrupted> for UploadError {
    fn from(interrupted: Interrupted) -> Self {
        Self::Api(interrupted.into())
    }
}

fn perhaps(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; is it {nearest}?")).unwrap_or_default()
}

/// What to do when the account has an image of the same file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplicate {
    /// Take it.
    Reuse,
    /// Make another.
    Add,
}

/// How the image came to be at Linode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The file was sent now.
    Sent,
    /// It had been sent before.
    Found,
}

/// Brings an image to Linode. `say` is told, in one line each, what a person would want to know on the way.
///
/// # Errors
/// When the API or the object storage refuses, cannot be reached or takes too long, or the user interrupts. Unless the
/// error is [`UploadError::NotYet`] or the API could not be asked at the very end, no image remains.
pub fn upload(
    client: &Client,
    image: &CheckedImage,
    request: &Request,
    duplicate: Duplicate,
    patience: Duration,
    say: &dyn Fn(&str),
) -> Result<(Image, Origin), UploadError> {
    let own = images::list_own(client)?;
    check_region(client, request.region())?;
    if let Some(found) = find(client, own, image, duplicate, say) {
        say(&format!("{} was uploaded before as {} ({})", image.file_name(), found.id, found.label));
        return Ok((finish(client, &found.id, patience, say)?, Origin::Found));
    }
    let description = images::description(&image.file_name(), image.sha256);
    let new = NewImage {
        label: request.label(),
        region: request.region(),
        description: &description,
        cloud_init: true,
        tags: request.tags(),
    };
    let pending = images::create(client, &new)?;
    let id = &pending.image.id;
    let has_arrived = || {
        let status = images::get(client, id).ok().flatten().map(|image| image.status);
        status.is_some_and(|status| matches!(status, Status::Creating | Status::Available))
    };
    if let Err(error) = transfer::send(client, &pending.upload_to, image, &has_arrived) {
        take_away(client, id, say);
        return Err(error.into());
    }
    match finish(client, id, patience, say) {
        Ok(image) => Ok((image, Origin::Sent)),
        Err(error) if error.is_interrupt() => {
            take_away(client, id, say);
            Err(error)
        }
        Err(error) => {
            if !matches!(error, UploadError::Vanished { .. }) {
                let delete = client.delete_command(&pending.image.path());
                say(&format!("{id} stays, for its file is sent; if you do not want it: {delete}"));
            }
            Err(error)
        }
    }
}

/// An image of the same file that is there or will be.
fn find(
    client: &Client,
    own: Vec<Image>,
    image: &CheckedImage,
    duplicate: Duplicate,
    say: &dyn Fn(&str),
) -> Option<Image> {
    let (pending, made): (Vec<Image>, Vec<Image>) = own
        .into_iter()
        .filter(|own| own.is_of(image.sha256))
        .partition(|own| matches!(own.status, Status::PendingUpload | Status::Other));
    for half_made in pending {
        let delete = client.delete_command(&half_made.path());
        say(&format!(
            "{} waits for this file since an earlier attempt; unless that goes on, delete it: {delete}",
            half_made.id
        ));
    }
    let best = made.into_iter().max_by_key(|own| own.status == Status::Available);
    best.filter(|_| duplicate == Duplicate::Reuse)
}

fn check_region(client: &Client, id: &str) -> Result<(), UploadError> {
    let all = regions::list(client)?;
    let takers = || {
        let ids: Vec<&str> =
            all.iter().filter(|region| region.takes_images()).map(|region| region.id.as_str()).collect();
        ids.join(", ")
    };
    match all.iter().find(|region| region.id == id) {
        Some(region) if region.takes_images() => Ok(()),
        Some(_) => Err(UploadError::RegionWithoutStorage { region: id.to_owned(), takers: takers() }),
        None => Err(UploadError::NoRegion {
            region: id.to_owned(),
            nearest: regions::nearest(id, &all).map(str::to_owned),
            takers: takers(),
        }),
    }
}

/// Waits for an image whose file has arrived.
fn finish(client: &Client, id: &str, patience: Duration, say: &dyn Fn(&str)) -> Result<Image, UploadError> {
    let tell = |status: Status| match status {
        Status::PendingUpload => say(&format!("{id} is sent; Linode has yet to notice")),
        Status::Creating => say(&format!("{id} is being made from the file")),
        Status::Available | Status::Other => {}
    };
    match poll::wait(client, id, patience, &tell)? {
        Waited::Available(image) => Ok(image),
        Waited::Vanished(reason) => Err(UploadError::Vanished { id: id.to_owned(), reason }),
        Waited::NotYet(status) => Err(UploadError::NotYet { id: id.to_owned(), status, patience }),
    }
}

/// Deletes a half-made image. The command comes first: a second interrupt ends the program at once.
fn take_away(client: &Client, id: &str, say: &dyn Fn(&str)) {
    let delete = client.delete_command(&format!("/images/{id}"));
    say(&format!("deleting the half-made image {id}; should that not come to an end, this does it: {delete}"));
    match images::delete(client, id) {
        Ok(()) => say(&format!("{id} is deleted")),
        Err(error) => say(&format!("{error}; delete it yourself: {delete}")),
    }
}
