//! A mirror in the middle of an update, where one file is newer than another, or gone; an index that was damaged before it was
//! signed; and a mirror that leads nowhere. Each is named, and when the mirror is whole, the next build takes it.

use stackdeb::apt::{ArchiveError, FetchError};
use support::mirror::{Fault, Mirror};
use support::repository::{INDEX, PACKAGE, Repository, compressed};

use crate::apt_client::{IN_RELEASE, User, good};
use libtest_mimic::Trial;

pub fn trials() -> Vec<Trial> {
    support::tests![
        an_index_of_before_the_update_is_refused_and_the_new_one_taken,
        a_release_file_without_its_index_is_said_to_be_an_update,
        an_index_that_cannot_be_decompressed_is_named,
        a_mirror_that_leads_in_a_circle_is_given_up
    ]
}

/// An older state of the same repository: its only package is not there yet.
fn older() -> Vec<u8> {
    compressed("Package: bb\nVersion: 1\nArchitecture: all\nFilename: b.deb\nSize: 1\n")
}

fn an_index_of_before_the_update_is_refused_and_the_new_one_taken() {
    let (user, mirror) = (User::new(), Mirror::start(good()));
    let mut stale = good();
    stale.insert(INDEX.to_owned(), older());
    mirror.replace(stale);
    let error = user.open(&mirror.address).unwrap_err();
    let ArchiveError::Fetch(error) = &error else { panic!("{error}") };
    assert!(
        matches!(error, FetchError::Size { url, .. } | FetchError::Hash { url, .. } if url.ends_with(INDEX)),
        "{error}"
    );
    mirror.replace(good());
    user.download(&mirror.address).unwrap();
}

fn a_release_file_without_its_index_is_said_to_be_an_update() {
    let (user, mirror) = (User::new(), Mirror::start(good()));
    mirror.set_fault(INDEX, Fault::Status(404));
    let error = user.open(&mirror.address).unwrap_err();
    assert!(matches!(&error, ArchiveError::Fetch(FetchError::NotFound { url }) if url.ends_with(INDEX)), "{error}");
    let help = miette::Diagnostic::help(&error).unwrap().to_string();
    assert!(help.contains("being updated: try again later"), "{help}");
}

/// Its hash is right, so the file was damaged before it was signed.
fn an_index_that_cannot_be_decompressed_is_named() {
    let index = Repository::default().files()[INDEX].clone();
    let mut flipped = index.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x55;
    let half = index[..middle].to_vec();
    for damaged in [half, flipped, b"no xz".to_vec(), Vec::new()] {
        let (user, mirror) = (User::new(), Mirror::start(Repository::default().files_with(damaged)));
        let said = user.open(&mirror.address).unwrap_err().to_string();
        assert!(said.contains("the package index") && said.contains("Packages.xz"), "{said}");
    }
}

fn a_mirror_that_leads_in_a_circle_is_given_up() {
    for path in [IN_RELEASE, INDEX, PACKAGE] {
        let (user, mirror) = (User::new(), Mirror::start(good()));
        mirror.set_fault(path, Fault::LeadsBack);
        let error = match user.open(&mirror.address) {
            Ok(_) => user.download(&mirror.address).unwrap_err(),
            Err(ArchiveError::Fetch(error)) => error,
            Err(other) => panic!("{other}"),
        };
        let said = error.to_string();
        assert!(said.contains(path) && said.contains("redirects"), "{said}");
        assert!(mirror.requests(path).len() < 40, "{}", mirror.requests(path).len());
        assert_eq!(user.kept("pool"), 0);
    }
}
