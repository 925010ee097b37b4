//! Sends an image file to Linode's object storage: one PUT, read from the disk piece by piece, so that the memory it
//! takes does not depend on the file. The storage accepts the file whole or not at all, so a broken transfer begins
//! again with the first byte.

use std::time::Duration;

use ureq::http::StatusCode;
use ureq::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};

use super::check::{CheckedImage, read_error};
use super::reader::ImageReader;
use crate::linode::api::client::{ApiClient, check_address};
use crate::linode::api::clock::interruptible;
use crate::linode::error::LinodeError;
use crate::system::interrupt::{self, Interrupted};
use crate::system::progress::Reporter;

/// How much of an answer is read, in bytes.
const LONGEST_REFUSAL: u64 = 64 * 1024;

/// Why an attempt did not succeed.
enum TransferFailure {
    /// Another attempt may succeed.
    Passing(String),
    /// No other attempt will succeed.
    Lasting(LinodeError),
}

/// Sends the file to `address`. After each failure that may pass, `has_arrived` says whether the file arrived all the
/// same: the answer may be all that was lost.
///
/// # Errors
/// When the storage refuses the file, all attempts fail, the file was changed since it was checked, or the user
/// interrupts.
pub(super) fn send(
    client: &ApiClient,
    address: &str,
    image: &CheckedImage,
    has_arrived: &dyn Fn() -> bool,
    reporter: Reporter,
) -> Result<(), LinodeError> {
    check_address(address).map_err(LinodeError::StorageAddress)?;
    let policy = client.policy();
    let mut attempts = 0_u32;
    loop {
        attempts = attempts.saturating_add(1);
        match attempt(client, address, image, reporter) {
            Ok(()) => return Ok(()),
            Err(TransferFailure::Lasting(error)) => return Err(error),
            Err(TransferFailure::Passing(reason)) => {
                if has_arrived() {
                    return Ok(());
                }
                if attempts >= policy.attempts {
                    return Err(LinodeError::Transfer { attempts, reason });
                }
                client.clock().sleep(policy.pause_after(attempts))?;
            }
        }
    }
}

fn attempt(client: &ApiClient, address: &str, image: &CheckedImage, reporter: Reporter) -> Result<(), TransferFailure> {
    let read_error = |source| TransferFailure::Lasting(read_error(&image.path, source));
    let file = image.file.try_clone().map_err(read_error)?;
    let reader = ImageReader::new(file, image.bytes, "uploading", reporter);
    let (agent, address, stored) = (client.agent().clone(), address.to_owned(), client.policy().stored);
    let mut put = match interruptible(move || put(&agent, &address, stored, reader)) {
        _ if interrupt::requested() => return Err(TransferFailure::Lasting(Interrupted.into())),
        Ok(put) => put,
        Err(error) => return Err(TransferFailure::Passing(error.to_string())),
    };
    if let Some(source) = put.reader.take_disk_error() {
        return Err(read_error(source));
    }
    // The address is a secret. Of these errors, only the one about the address itself shows it.
    let (status, body) = put.answer.map_err(|error| match error {
        ureq::Error::BadUri(_) => TransferFailure::Lasting(LinodeError::StorageAddress("it is not a URL")),
        other => TransferFailure::Passing(other.to_string()),
    })?;
    if status.is_success() {
        if put.reader.finish() == (image.sha256, image.bytes) {
            return Ok(());
        }
        let (path, problem) = (image.path.clone(), "was changed while it was sent".to_owned());
        let help = "wait until it is built, and try again";
        return Err(TransferFailure::Lasting(LinodeError::BadImage { path, problem, help }));
    }
    let reason = explain(&body);
    if status.is_server_error() || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status) {
        return Err(TransferFailure::Passing(format!("the object storage answers {status}: {reason}")));
    }
    Err(TransferFailure::Lasting(LinodeError::StorageRefused { status: status.to_string(), reason }))
}

/// What one PUT ended with.
struct Put {
    reader: ImageReader,
    answer: Result<(StatusCode, String), ureq::Error>,
}

fn put(agent: &ureq::Agent, address: &str, stored: Duration, mut reader: ImageReader) -> Put {
    let request = agent.put(address).header(CONTENT_TYPE, "application/octet-stream");
    // With this, a storage that refuses says so before the file is sent.
    let request = request.header(CONTENT_LENGTH, reader.length()).header(EXPECT, "100-continue");
    let request = request.config().timeout_recv_response(Some(stored)).build();
    let answer = request.send(ureq::SendBody::from_reader(&mut reader)).map(|mut response| {
        let body = response.body_mut().with_config().limit(LONGEST_REFUSAL).lossy_utf8(true).read_to_string();
        (response.status(), body.unwrap_or_default())
    });
    Put { reader, answer }
}

/// The reason in an object storage's answer: the two elements of its XML that are for people (Amazon S3's API Reference,
/// Error Responses). The other elements repeat the request with its secrets.
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
