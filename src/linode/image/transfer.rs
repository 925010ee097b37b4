//! The file on its way to the object storage: one PUT from the disk with its length ahead of it, in memory of a
//! constant size. The address takes the file whole or not at all, so a broken transfer begins again from the first
//! byte.

use std::io;
use std::time::Duration;

use ureq::http::StatusCode;
use ureq::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};

use super::check::CheckedImage;
use super::content::Content;
use crate::linode::api::client::{Client, check_address};
use crate::linode::api::clock::interruptible;
use crate::system::interrupt::{self, Interrupted};

/// How much of a refusal is read, in bytes.
const LONGEST_REFUSAL: u64 = 64 * 1024;

/// Why the file did not arrive.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum TransferError {
    /// Something other than a secure address.
    #[error("Linode names no address that the image may be sent to: {0}")]
    #[diagnostic(help("check --api and LINODE_API_URL if they are set"))]
    Address(&'static str),
    /// The object storage answers, but does not take it.
    #[error("the object storage refuses the image ({status}): {reason}")]
    #[diagnostic(help(
        "check this machine's clock, for the address is good for 24 hours; then try again, or in another \
         region (--region)"
    ))]
    Refused {
        /// The status with its name.
        status: String,
        /// What it says.
        reason: String,
    },
    /// The network, several times.
    #[error("the image cannot be sent, after {attempts} attempts: {reason}")]
    #[diagnostic(help(
        "check the network, and https_proxy if the way out is a proxy; a region nearby (--region) may do better"
    ))]
    Network {
        /// How often it was tried.
        attempts: u32,
        /// What went wrong the last time.
        reason: String,
    },
    /// Somebody writes to it.
    #[error("the image {0} was changed while it was sent")]
    #[diagnostic(help("wait until it is built, and try again"))]
    Changed(String),
    /// The disk.
    #[error("cannot read the image {path}: {source}")]
    Read {
        /// The image.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The user asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// How one attempt ended that was no success.
enum Failure {
    /// Another one may do.
    Passing(String),
    /// No other will.
    Lasting(TransferError),
}

/// Sends the file to `address`. After a failure that may pass, `has_arrived` says whether it arrived nevertheless: the
/// answer may be all that was lost.
///
/// # Errors
/// When the object storage refuses it, it fails too often, the file is not what it was, or the user interrupts.
pub fn send(
    client: &Client,
    address: &str,
    image: &CheckedImage,
    has_arrived: &dyn Fn() -> bool,
) -> Result<(), TransferError> {
    check_address(address).map_err(TransferError::Address)?;
    let limits = client.limits();
    let mut attempts = 0;
    loop {
        attempts += 1;
        match attempt(client, address, image) {
            Ok(()) => return Ok(()),
            Err(Failure::Lasting(error)) => return Err(error),
            Err(Failure::Passing(reason)) => {
                if has_arrived() {
                    return Ok(());
                }
                if attempts >= limits.attempts {
                    return Err(TransferError::Network { attempts, reason });
                }
                client.clock().sleep(limits.pause_after(attempts))?;
            }
        }
    }
}

fn attempt(client: &Client, address: &str, image: &CheckedImage) -> Result<(), Failure> {
    let path = || image.path.display().to_string();
    let read_error = |source| Failure::Lasting(TransferError::Read { path: path(), source });
    let file = image.file.try_clone().map_err(read_error)?;
    let content = Content::new(file, image.bytes, "uploading");
    let (agent, address, stored) = (client.agent().clone(), address.to_owned(), client.limits().stored);
    let mut put = match interruptible(move || put(&agent, &address, stored, content)) {
        _ if interrupt::requested() => return Err(Failure::Lasting(Interrupted.into())),
        Ok(put) => put,
        Err(error) => return Err(Failure::Passing(error.to_string())),
    };
    if let Some(source) = put.content.take_error() {
        return Err(read_error(source));
    }
    // The address is a secret; of these errors only the one about the address itself has it in its text.
    let (status, body) = put.answer.map_err(|error| match error {
        ureq::Error::BadUri(_) => Failure::Lasting(TransferError::Address("it is not an address")),
        other => Failure::Passing(other.to_string()),
    })?;
    if status.is_success() {
        let whole = put.content.finish() == (image.sha256, image.bytes);
        return if whole { Ok(()) } else { Err(Failure::Lasting(TransferError::Changed(path()))) };
    }
    let reason = explain(&body);
    if status.is_server_error() || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status) {
        return Err(Failure::Passing(format!("the object storage answers {status}: {reason}")));
    }
    Err(Failure::Lasting(TransferError::Refused { status: status.to_string(), reason }))
}

/// What became of one PUT.
struct Put {
    content: Content,
    answer: Result<(StatusCode, String), ureq::Error>,
}

fn put(agent: &ureq::Agent, address: &str, stored: Duration, mut content: Content) -> Put {
    let request = agent.put(address).header(CONTENT_TYPE, "application/octet-stream");
    // A storage that refuses says so before the file is on its way.
    let request = request.header(CONTENT_LENGTH, content.length()).header(EXPECT, "100-continue");
    let request = request.config().timeout_recv_response(Some(stored)).build();
    let answer = request.send(ureq::SendBody::from_reader(&mut content)).map(|mut response| {
        let body = response.body_mut().with_config().limit(LONGEST_REFUSAL).lossy_utf8(true).read_to_string();
        (response.status(), body.unwrap_or_default())
    });
    Put { content, answer }
}

/// What an object storage says, from the two elements of its XML that are for people (Amazon S3's API Reference, Error
/// Responses). The others repeat the request, secrets and all.
fn explain(body: &str) -> String {
    let element = |name: &str| {
        let (_, rest) = body.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(text, _)| text.trim().to_owned())
    };
    match (element("Code"), element("Message")) {
        (Some(code), Some(message)) if !message.is_empty() => format!("{code}: {message}"),
        (Some(code), _) => code,
        _ => "it gives no reason".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_storage_is_understood() {
        // The example of Amazon S3's API Reference.
        let body = r#"<?xml version="1.0" encoding="UTF-8"?>
            <Error><Code>NoSuchKey</Code><Message>The resource you requested does not exist</Message>
            <Resource>/mybucket/myfoto.jpg</Resource><RequestId>4442587FB7D0A2F9</RequestId></Error>"#;
        assert_eq!(explain(body), "NoSuchKey: The resource you requested does not exist");
        assert_eq!(explain("<Error><Code>AccessDenied</Code></Error>"), "AccessDenied");
        assert_eq!(explain("<html>no</html>"), "it gives no reason");
    }
}
