//! Which data an instance has on its own disk, so that they are gone when it is deleted. A new instance gets tags that say
//! so, from its stack and its settings; later the tags are read, and not what the stack or the settings are by then.

use serde::Serialize;

use super::settings::{AppSettings, DatabaseLocation};
use crate::linode::api::instances::Instance;
use crate::linode::api::tag::Tag;
use crate::linode::error::LinodeError;
use crate::stack::Stack;

/// The tag of an instance whose database is on its own disk.
const DATABASE: &str = "database";
/// The tag of an instance whose app uses a database on another server.
const REMOTE_DATABASE: &str = "remote-database";
/// The tag of an instance whose Valkey keeps data that are no cache.
const VALKEY: &str = "valkey";
/// The tag of an instance whose app can keep files of its own.
const FILES: &str = "files";

/// The tag of an instance that keeps nothing: a site of files alone.
const NOTHING: &str = "nothing";

/// Data on an instance's own disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Holding {
    Database,
    /// What the app keeps in Valkey.
    Valkey,
    /// Files that the app may have written to `/var/lib/NAME/app`.
    Files,
    /// Nobody has written down what it is.
    Unknown,
}

/// What a new instance of the stack with these settings will have on its own disk, as tags.
///
/// # Errors
/// When a tag is not valid.
pub(super) fn tags(stack: &Stack, settings: &AppSettings) -> Result<Vec<Tag>, LinodeError> {
    let database = match (&stack.database, settings.database()) {
        (None, _) => None,
        (Some(_), DatabaseLocation::Local) => Some(DATABASE),
        (Some(_), DatabaseLocation::Remote) => Some(REMOTE_DATABASE),
    };
    let valkey = stack.services.valkey.as_ref().filter(|valkey| !valkey.is_cache()).map(|_| VALKEY);
    let files = if stack.app.kind.has_processes() { FILES } else { NOTHING };
    database.into_iter().chain(valkey).chain([files]).map(Tag::of_data).collect()
}

/// What an instance has on its own disk, as its tags say. An instance without such tags was made by an older version, or
/// somebody has removed them: then it may have anything.
pub fn holdings(instance: &Instance) -> Vec<Holding> {
    let read = |word| match word {
        DATABASE => Some(Holding::Database),
        VALKEY => Some(Holding::Valkey),
        FILES => Some(Holding::Files),
        REMOTE_DATABASE | NOTHING => None,
        // The word of a later version.
        _ => Some(Holding::Unknown),
    };
    let mut words = Tag::data_in(&instance.tags).peekable();
    if words.peek().is_none() {
        return vec![Holding::Unknown];
    }
    let mut found: Vec<Holding> = words.filter_map(read).collect();
    found.dedup();
    found
}

/// Whether the app of that instance uses a database on another server, which stays when the instance is deleted.
pub(super) fn has_remote_database(instance: &Instance) -> bool {
    Tag::data_in(&instance.tags).any(|word| word == REMOTE_DATABASE)
}

/// Data as they follow "it holds", for the package `name`.
pub(super) fn describe(holdings: &[Holding], name: &str) -> String {
    let phrase = |holding: &Holding| match holding {
        Holding::Database => "its database".to_owned(),
        Holding::Valkey => "what it keeps in Valkey".to_owned(),
        Holding::Files => format!("the app's files in /var/lib/{name}/app"),
        Holding::Unknown => {
            format!("data that no tag describes, perhaps a database and the app's files in /var/lib/{name}/app")
        }
    };
    holdings.iter().map(phrase).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_tags(tags: &[&str]) -> Instance {
        let text =
            serde_json::json!({"id": 1, "label": "shop-1", "status": "running", "region": "us-east", "tags": tags});
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn what_no_tag_describes_may_be_anything() {
        assert_eq!(holdings(&with_tags(&[])), [Holding::Unknown]);
        assert_eq!(holdings(&with_tags(&["stack:shop", "version:1.0"])), [Holding::Unknown]);
        assert_eq!(holdings(&with_tags(&["data:something-new"])), [Holding::Unknown]);
        assert!(describe(&[Holding::Unknown], "shop").contains("perhaps a database"));
    }

    #[test]
    fn tags_say_what_is_on_the_disk() {
        let both = holdings(&with_tags(&["stack:shop", "data:database", "data:files"]));
        assert_eq!(both, [Holding::Database, Holding::Files]);
        assert_eq!(describe(&both, "shop"), "its database and the app's files in /var/lib/shop/app");
        let queue = holdings(&with_tags(&["data:valkey", "data:files"]));
        assert_eq!(describe(&queue, "shop"), "what it keeps in Valkey and the app's files in /var/lib/shop/app");
        assert_eq!(holdings(&with_tags(&["stack:shop", "data:nothing"])), []);
        let remote = with_tags(&["data:remote-database", "data:files"]);
        assert_eq!(holdings(&remote), [Holding::Files]);
        assert!(has_remote_database(&remote) && !has_remote_database(&with_tags(&["data:database"])));
    }
}
