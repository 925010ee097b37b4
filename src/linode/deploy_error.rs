//! Why an instance is not there, or not well.

use super::api::token::TokenError;
use super::error::{ApiError, Class};
use super::image::check::CheckError;
use super::image::upload::UploadError;
use super::instance::database_url::DatabaseUrlError;
use super::instance::keys::KeyError;
use super::instance::label::LabelError;
use super::instance::settings::SettingsError;
use crate::render::RenderError;
use crate::system::interrupt::Interrupted;
use crate::vm::metadata::USER_DATA_LIMIT;

/// Why there is no instance at Linode, or none that answers.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum DeployError {
    /// The image, or the label and tags that were asked for.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Check(#[from] CheckError),
    /// The image's way to Linode.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Upload(#[from] UploadError),
    /// The token.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Token(#[from] TokenError),
    /// The API.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Api(#[from] ApiError),
    /// The instance's name.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Label(#[from] LabelError),
    /// The SSH keys.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Key(#[from] KeyError),
    /// The app's settings.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Settings(#[from] SettingsError),
    /// The user data.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Render(#[from] RenderError),
    /// A file that was named.
    #[error("cannot read {path}, which {option} names: {source}")]
    #[diagnostic(help("check that it is there and that you may read it"))]
    Read {
        /// The option.
        option: &'static str,
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Too many settings.
    #[error("the user data of {label} has {bytes} bytes, and Linode takes {USER_DATA_LIMIT} at most")]
    #[diagnostic(help("give fewer or shorter settings (--env), SSH keys or certificates"))]
    UserData {
        /// The instance.
        label: String,
        /// Before they are encoded.
        bytes: usize,
    },
    /// Not an image's name.
    #[error("`{0}` is no uploaded image: one is called private/N")]
    #[diagnostic(help("`stackdeb upload` prints an image's name; a file is named without --image"))]
    ImageName(String),
    /// Nothing to start from.
    #[error("there is no image of this stack: neither {file} in dist nor one of that name in the account")]
    #[diagnostic(help("`stackdeb image` builds one"))]
    NoImage {
        /// The file's name.
        file: String,
    },
    /// It is not there, or not yet.
    #[error("the account has no image {0} that instances can be made from")]
    #[diagnostic(help("https://cloud.linode.com/images shows what there is, and how far it is"))]
    ImageUnavailable(String),
    /// The region does not exist.
    #[error("Linode has no region {region}{}", perhaps(.nearest.as_deref()))]
    #[diagnostic(help("choose one with --region; https://api.linode.com/v4/regions lists them"))]
    NoRegion {
        /// As it was given.
        region: String,
        /// One with a similar name.
        nearest: Option<String>,
    },
    /// The region cannot do it.
    #[error("the region {region} has no {what}")]
    #[diagnostic(help("these have all that it takes: {others}"))]
    RegionLacks {
        /// As it was given.
        region: String,
        /// What is missing there, and why it is needed.
        what: &'static str,
        /// Those that would do.
        others: String,
    },
    /// The plan does not exist.
    #[error("Linode has no plan {plan}{}", perhaps(.nearest.as_deref()))]
    #[diagnostic(help("choose one with --type; https://api.linode.com/v4/linode/types lists them"))]
    NoPlan {
        /// As it was given.
        plan: String,
        /// One with a similar name.
        nearest: Option<String>,
    },
    /// The plan's disk.
    #[error("the image {image} has {size} MB, but the disk of {plan} has no more than {disk} MB beside its swap")]
    #[diagnostic(help("choose a larger plan with --type"))]
    Disk {
        /// `private/N`.
        image: String,
        /// On the disk, in MB.
        size: u64,
        /// The plan.
        plan: String,
        /// Its disk in MB, without swap.
        disk: u64,
    },
    /// It is up but does not answer, or is not up.
    #[error("{labels} did not answer 200 within {seconds} seconds: {last}")]
    #[diagnostic(help("{help}"))]
    Silent {
        /// The instances.
        labels: String,
        /// How long they were waited for.
        seconds: u64,
        /// What came of the last attempt.
        last: String,
        /// Where to look.
        help: String,
    },
    /// Somebody else deleted it.
    #[error("the instance {0} is gone: somebody has deleted it")]
    #[diagnostic(help("https://cloud.linode.com/events tells who"))]
    Gone(String),
    /// Not one of this stack's.
    #[error("no instance of this stack is called {label}")]
    #[diagnostic(help("these are: {known}; others are not removed from here"))]
    NotOurs {
        /// As it was given.
        label: String,
        /// Those that are.
        known: String,
    },
    /// The old ones could not be removed.
    #[error("the new instances are well, but {labels} could not be removed and cost money until they are: {source}")]
    #[diagnostic(help("`stackdeb destroy {labels}` tries again"))]
    OldRemain {
        /// The old instances.
        labels: String,
        /// Why.
        #[source]
        source: ApiError,
    },
}

impl DeployError {
    /// The kind of trouble.
    pub fn class(&self) -> Class {
        match self {
            Self::Upload(error) => error.class(),
            Self::Api(error) | Self::OldRemain { source: error, .. } => error.class(),
            Self::Silent { .. } => Class::Network,
            Self::Gone(_) => Class::Refused,
            _ => Class::Input,
        }
    }
}

impl From<Interrupted> for DeployError {
    fn from(interrupted: Interrupted) -> Self {
        Self::Api(interrupted.into())
    }
}

impl From<DatabaseUrlError> for DeployError {
    fn from(error: DatabaseUrlError) -> Self {
        Self::Settings(error.into())
    }
}

fn perhaps(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; is it {nearest}?")).unwrap_or_default()
}
