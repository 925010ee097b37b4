//! The one error of this module. Each error is a sentence that says what failed, where and why; its help says what to do
//! next. A kind of error exists where a caller decides something by it (another attempt, another way, the exit status) or
//! where its sentence has parts of its own; `class` gives every kind its exit status.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::image_status::ImageStatus;
use super::reason::{Reason, sentence};
use crate::disk::limits::LimitError;
use crate::render::RenderError;
use crate::system::interrupt::Interrupted;
use crate::system::output::OutputError;
use crate::vm::metadata::USER_DATA_LIMIT;

/// Why something was not done. `action` is what the program was doing, as it follows "cannot": "list the images".
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum LinodeError {
    /// An argument, an environment variable or a file that the user named cannot be used.
    #[error("{problem}")]
    #[diagnostic(help("{help}"))]
    Argument {
        /// A sentence. It never shows a value that may be secret.
        problem: String,
        help: &'static str,
    },
    #[error("cannot read {what} {}: {source}", .path.display())]
    #[diagnostic(help("{help}"))]
    Read {
        /// What the file should be: "the image", "the SSH key".
        what: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
        help: &'static str,
    },
    #[error("there is no token: neither LINODE_TOKEN nor LINODE_CLI_TOKEN is set")]
    #[diagnostic(help(
        "make a personal access token with the scope images:read_write (and events:read_only, to be told why an image \
         failed) at https://cloud.linode.com/profile/tokens, and put it into the environment: \
         `read -rs LINODE_TOKEN && export LINODE_TOKEN`"
    ))]
    NoToken,
    #[error("nothing was removed, and nothing was made")]
    Declined,
    /// A question has to be answered, and standard input is not a terminal.
    #[error("there is no terminal to ask at. {consequence} Nothing was done.")]
    #[diagnostic(help("--yes agrees beforehand"))]
    NobodyToAsk { consequence: String },

    #[error("`{address}` cannot be the address of Linode's API: {reason}")]
    #[diagnostic(help("leave out --api and LINODE_API_URL to use https://api.linode.com/v4"))]
    ApiAddress { address: String, reason: &'static str },
    /// An answer with status 401 or 403: the token is wrong or lacks a scope.
    #[error("Linode does not let this token {action}: {}", sentence(.reasons))]
    #[diagnostic(help(
        "the token needs the scope {scope} and must not have expired: see https://cloud.linode.com/profile/tokens.{}",
        grants(.scope)
    ))]
    Unauthorized { action: &'static str, scope: &'static str, reasons: Vec<Reason> },
    /// The API lists the token's scopes in a header, and the one that a later request needs is not among them.
    #[error("the token has the scopes `{found}`, but not {scope}, which it needs to {action}")]
    #[diagnostic(help("make a token with the scope {scope} at https://cloud.linode.com/profile/tokens"))]
    Scope { action: &'static str, found: String, scope: &'static str },
    /// The user whom the token belongs to is restricted.
    #[error("the token's user is restricted, and lacks the grants for this: {grants}")]
    #[diagnostic(help(
        "stackdeb finds its instances by their tags. An unrestricted user of the account gives these grants, or full account \
         access, at https://cloud.linode.com/account/users; or use the token of an unrestricted user"
    ))]
    MissingGrants { grants: String },
    /// An answer with status 404: Linode has no such object, or the address is not that of its API.
    #[error("Linode cannot {action}: it does not exist")]
    #[diagnostic(help("check --api and LINODE_API_URL if they are set"))]
    NotFound { action: &'static str },
    /// Any other status from 300 to 499.
    #[error("Linode refuses to {action} ({status}): {}", sentence(.reasons))]
    #[diagnostic(help(
        "change what Linode names and try again; an account has limits, for images 25 of them and 150 GB in all"
    ))]
    Refused { action: &'static str, status: String, reasons: Vec<Reason> },
    /// Status 429, more often or for longer than the program waits.
    #[error("Linode does not let us {action} now: too many requests came from this account or address")]
    #[diagnostic(help("try again later, in {seconds} seconds at the earliest"))]
    TooManyRequests { action: &'static str, seconds: u64 },
    /// No answer, or one with a status from 500 on. The API may have done what it was asked for.
    #[error("cannot {action}, after {attempts} attempts: {reason}")]
    #[diagnostic(help(
        "check the network, and https_proxy if the network has a proxy; https://status.linode.com reports Linode's own \
         failures"
    ))]
    Network { action: &'static str, attempts: u32, reason: String },
    /// A good status, but a body that the API's specification does not allow. The API did what it was asked for.
    #[error("Linode's answer to the request to {action} is not understood: {reason}")]
    #[diagnostic(help(
        "check --api and LINODE_API_URL if they are set, and whether a proxy answers in Linode's place"
    ))]
    Response { action: &'static str, reason: String },

    /// Linode would accept this image file and then lose it.
    #[error("the image {} {problem}", .path.display())]
    #[diagnostic(help("{help}"))]
    BadImage {
        path: PathBuf,
        /// A phrase that follows the image's name: "is not compressed with gzip".
        problem: String,
        help: &'static str,
    },
    #[error("the image {} is damaged after {raw_bytes} decompressed bytes: {source}", .path.display())]
    #[diagnostic(help("`gzip -t` says the same; copy the file again, or build it again with `stackdeb image`"))]
    DamagedImage {
        path: PathBuf,
        raw_bytes: u64,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    #[diagnostic(transparent)]
    ImageSize(#[from] LimitError),
    /// Linode named an address for the image file that is not a secure one.
    #[error("Linode names no address that the image can be sent to: {0}")]
    #[diagnostic(help("check --api and LINODE_API_URL if they are set"))]
    StorageAddress(&'static str),
    /// The object storage answered with a status from 300 to 499.
    #[error("the object storage refuses the image ({status}): {reason}")]
    #[diagnostic(help(
        "check this machine's clock, because the address is valid for 24 hours; then try again, or in another region \
         (--region)"
    ))]
    StorageRefused { status: String, reason: String },
    #[error("the image cannot be sent, after {attempts} attempts: {reason}")]
    #[diagnostic(help(
        "check the network, and https_proxy if the network has a proxy; a nearer region (--region) may work better"
    ))]
    Transfer { attempts: u32, reason: String },
    #[error("Linode has discarded the image {id}: {reason}")]
    #[diagnostic(help(
        "Linode shows the event at https://cloud.linode.com/events; to read it here, the token needs the scope \
         events:read_only"
    ))]
    Discarded { id: String, reason: String },
    #[error("the image {id} is sent, but not available after {} seconds: it is {status:?}", .timeout.as_secs())]
    #[diagnostic(help("run the same command again: it waits for this image, and does not send the file again"))]
    NotAvailableYet { id: String, status: ImageStatus, timeout: Duration },

    #[error("Linode has no {kind} {name}{}", suggestion(.nearest.as_deref()))]
    #[diagnostic(help("{help}"))]
    NotInCatalogue {
        /// The kind of object, as messages name it: "region" or "plan".
        kind: &'static str,
        name: String,
        /// An existing name that is similar.
        nearest: Option<String>,
        help: String,
    },
    /// The region exists but lacks something that is needed.
    #[error("the region {region} {problem}")]
    #[diagnostic(help("{help}"))]
    RegionLacks {
        region: String,
        /// A phrase that follows the region's name: "takes no images".
        problem: String,
        help: String,
    },
    #[error("the image {image} has {size} MB, but the disk of {plan} has only {disk} MB besides its swap")]
    #[diagnostic(help("choose a larger plan with --type"))]
    PlanTooSmall { image: String, size: u64, plan: String, disk: u64 },
    #[error("there is no image of this stack: neither {file} in dist nor one of that name in the account")]
    #[diagnostic(help("`stackdeb image` builds one"))]
    NoImage { file: String },
    /// The account has no image of this ID, or it is not available yet.
    #[error("the account has no image {0} that instances can be made from")]
    #[diagnostic(help("https://cloud.linode.com/images lists the images and their status"))]
    ImageUnavailable(String),
    /// A firewall that exists would not serve the stack.
    #[error("{problem}")]
    #[diagnostic(help("{help}"))]
    Firewall { problem: String, help: String },
    #[error("the user data of {label} has {bytes} bytes, and Linode accepts {USER_DATA_LIMIT} at most")]
    #[diagnostic(help("give fewer or shorter settings (--env), SSH keys or certificates"))]
    UserData {
        label: String,
        /// Before they are encoded in base64.
        bytes: usize,
    },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Render(#[from] RenderError),
    #[error("{labels} did not answer 200 within {seconds} seconds: {last}")]
    #[diagnostic(help("{help}"))]
    NotHealthy {
        labels: String,
        seconds: u64,
        /// The result of the last attempt to reach the first of them.
        last: String,
        help: String,
    },
    /// An instance that would be deleted has data on its disk.
    #[error("these data exist nowhere else and would be deleted: {data}. Nothing was made, and nothing was removed")]
    #[diagnostic(help("{help}"))]
    DataWouldBeLost {
        /// Each instance with what it holds.
        data: String,
        help: String,
    },
    #[error("the data of {label} changed although its app was stopped, so the new instance lacks something")]
    #[diagnostic(help(
        "something else than the app writes on {label}, such as a cron job or another program: stop it, and try again; {label} \
         is back in service"
    ))]
    DataChanged { label: String },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Remote(#[from] crate::remote::RemoteError),
    #[error("the instance {0} is gone: somebody has deleted it")]
    #[diagnostic(help("https://cloud.linode.com/events shows who did"))]
    Gone(String),
    #[error("no instance of this stack is called {label}")]
    #[diagnostic(help("these are: {known}; `stackdeb destroy` removes no others"))]
    NotOurs { label: String, known: String },
    #[error("the new instances are healthy, but {labels} could not be removed and cost money until they are: {source}")]
    #[diagnostic(help("`stackdeb destroy {labels} --discard-data` tries again"))]
    OldRemain { labels: String, source: Box<LinodeError> },

    #[error("{folder} has edited files for which there is something new: {files}; nothing was changed")]
    #[diagnostic(help(
        "write the new text to another folder with --out, and copy from it what you want; --force replaces the edited \
         files"
    ))]
    EditedFiles { folder: String, files: String },
    #[error("{folder} has Terraform files that stackdeb did not write: {files}; nothing was changed")]
    #[diagnostic(help(
        "name another folder with --out; --force writes our files beside them, and replaces files of the same name"
    ))]
    ForeignFiles { folder: String, files: String },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),

    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl LinodeError {
    pub(super) fn argument(problem: impl Into<String>, help: &'static str) -> Self {
        Self::Argument { problem: problem.into(), help }
    }
}

/// Which grants a restricted user needs besides a scope of a token.
fn grants(scope: &str) -> String {
    let grant = match scope {
        "images:read_write" => "add_images",
        "linodes:read_write" => "add_linodes",
        "firewall:read_write" => "add_firewalls",
        _ => return String::new(),
    };
    format!(
        " A restricted user needs the grant {grant} or one for the object itself, and account_access: read_write to set \
         tags: see https://cloud.linode.com/account/users"
    )
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; is it {nearest}?")).unwrap_or_default()
}
