//! What is asked again when Linode is busy, answers with an error of its own, or does not answer at all: what may be carried
//! out twice is, and what must not be is asked again only after a look.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;
use stackdeb::linode::LinodeError;
use stackdeb::linode::api::client::ApiClient;
use stackdeb::linode::api::clock::Clock;
use stackdeb::linode::api::instances;
use stackdeb::linode::api::retry::RetryPolicy;
use stackdeb::linode::api::token::Token;
use stackdeb::system::interrupt::Interrupted;
use support::account::TOKEN;
use support::linode_api::Fault;
use support::project::Project;

/// A clock that does not wait, and remembers how long it should have.
#[derive(Debug, Default)]
struct Remembering {
    pauses: RefCell<Vec<u64>>,
}

impl Clock for Remembering {
    fn now(&self) -> Duration {
        Duration::from_secs(self.pauses.borrow().iter().sum())
    }

    fn sleep(&self, pause: Duration) -> Result<(), Interrupted> {
        self.pauses.borrow_mut().push(pause.as_secs());
        Ok(())
    }
}

/// A project with the instance 1002, and a client whose pauses are remembered.
fn with_instance() -> (Project, ApiClient, Rc<Remembering>) {
    let project = Project::new(&[]);
    project.home.run(&mut project.deploy(&[])).has(0, &[]);
    let clock = Rc::new(Remembering::default());
    let token = Token::new(TOKEN.to_owned(), "LINODE_TOKEN").unwrap();
    let client = ApiClient::new(&project.api.address(), token, RetryPolicy::default(), clock.clone()).unwrap();
    (project, client, clock)
}

#[test]
fn a_deletion_is_asked_for_until_it_is_carried_out() {
    // The pauses are as long as the back-off says: one second, and twice as long each time.
    for (fault, pauses) in [
        (Fault::Busy("DELETE", 3), &[1, 2, 4][..]),
        (Fault::Answers("DELETE", 408, 2), &[1, 2]),
        (Fault::Answers("DELETE", 502, 1), &[1]),
        (Fault::TooMany("DELETE", 2), &[1, 1]),
        (Fault::Cut("DELETE", 3), &[1, 2, 4]),
        // It is carried out, and the answer is lost. The next one says that there is no such instance.
        (Fault::Dropped("DELETE", 1), &[1]),
    ] {
        let (project, client, clock) = with_instance();
        project.api.set_faults(std::slice::from_ref(&fault));
        instances::delete(&client, 1002).unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert_eq!(*clock.pauses.borrow(), pauses, "{fault:?}");
        assert!(project.labels().is_empty(), "{fault:?}");
    }
}

#[test]
fn what_does_not_pass_ends_with_what_linode_says() {
    let (project, client, clock) = with_instance();
    project.api.set_faults(&[Fault::Busy("DELETE", 1000)]);
    let error = instances::delete(&client, 1002).unwrap_err();
    assert!(matches!(&error, LinodeError::Refused { .. }) && error.to_string().contains("Linode busy"), "{error}");
    let waited: u64 = clock.pauses.borrow().iter().sum();
    // Linode's jobs take up to a few minutes.
    assert!((120..=300).contains(&waited), "{waited} s");
    // A refusal with a reason is not tried again.
    clock.pauses.borrow_mut().clear();
    project.api.set_faults(&[Fault::DeleteFails]);
    instances::delete(&client, 1002).unwrap_err();
    assert!(clock.pauses.borrow().is_empty());
    assert_eq!(project.labels(), ["shop-1"]);
}

#[test]
fn an_instance_and_a_firewall_are_made_once() {
    for fault in [
        // Carried out, without an answer.
        Fault::Dropped("/linode/instances", 1),
        Fault::Dropped("/networking/firewalls", 1),
        // Not carried out.
        Fault::Cut("/linode/instances", 2),
        Fault::Cut("/networking/firewalls", 2),
        Fault::Answers("/linode/instances", 503, 1),
        Fault::Busy("/linode/instances", 1),
    ] {
        let project = Project::new(std::slice::from_ref(&fault));
        project.home.run(&mut project.deploy(&[])).has(0, &["shop-1 answers"]);
        assert_eq!(project.labels(), ["shop-1"], "{fault:?}");
        assert_eq!(project.api.firewalls().len(), 1, "{fault:?}");
    }
}

#[test]
fn an_instance_is_booted_once() {
    for fault in [Fault::Dropped("/boot", 1), Fault::Cut("/boot", 1), Fault::Busy("/boot", 1)] {
        let project = Project::new(&[Fault::NoKernelField, fault.clone()]);
        project.home.run(&mut project.deploy(&[])).has(0, &["shop-1 answers"]);
        assert_eq!(project.api.kernel("shop-1"), "linode/grub2", "{fault:?}");
        let boots = project.api.all_paths().iter().filter(|path| path.ends_with("/boot")).count();
        let expected = if matches!(fault, Fault::Dropped(..)) { 1 } else { 2 };
        assert_eq!(boots, expected, "{fault:?}");
    }
}

#[test]
fn destroy_takes_a_busy_linode_to_its_end() {
    let project = Project::new(&[]);
    project.home.run(&mut project.deploy(&["--count", "2"])).has(0, &[]);
    project.api.set_faults(&[Fault::Busy("DELETE", 1), Fault::Dropped("DELETE", 1)]);
    let mut destroy = project.stackdeb(&["destroy", "--yes", "--discard-data", "--json"]);
    let report = project.home.run(&mut destroy).has(0, &[]).json();
    let removed: Vec<&Value> = report["removed"].as_array().unwrap().iter().map(|one| &one["label"]).collect();
    assert_eq!(removed, ["shop-1", "shop-2"]);
    assert!(project.labels().is_empty());
}
