//! Extended attributes (xattr(7)) that name users and groups, as the kernel gives them to a program: access control lists
//! (acl(5)), and capabilities of a file that hold in one namespace only (capabilities(7)). The ids are those of this machine. A
//! tree that is kept has the ids inside its root instead, because the next build may give the root other ids of this machine.

use std::io;

use crate::system::userns::Ids;

/// What the names of access control lists begin with: one is for a file, one for what is made in a folder.
const LIST: &[u8] = b"system.posix_acl_";
/// The only version of a list, in the first four bytes: `POSIX_ACL_XATTR_VERSION` in linux/posix_acl_xattr.h. All numbers
/// are in little endian.
const VERSION: [u8; 4] = 2_u32.to_le_bytes();
/// An entry has two bytes of its kind, two of permissions, and four of an id.
const ENTRY: usize = 8;
/// The kinds of entries that have an id: `ACL_USER` and `ACL_GROUP`.
const WITH_ID: [u16; 2] = [0x02, 0x08];

/// The attribute with the capabilities of a program.
const CAPABILITIES: &[u8] = b"security.capability";
/// The bytes of capabilities before the id of the namespace's root. Only the third revision, linux/capability.h's `struct
/// vfs_ns_cap_data`, has one.
const BEFORE_ROOT: usize = 20;

/// The value of the attribute `name` with the ids inside the root; unchanged if it has none.
///
/// # Errors
/// When it has a form that is not known, or an id that no user of the root has.
pub(super) fn inside(name: &[u8], value: Vec<u8>, ids: Ids) -> io::Result<Vec<u8>> {
    with_ids(name, value, |id| ids.inside(id))
}

/// The opposite of [`inside`].
///
/// # Errors
/// As [`inside`].
pub(super) fn outside(name: &[u8], value: Vec<u8>, ids: Ids) -> io::Result<Vec<u8>> {
    with_ids(name, value, |id| ids.outside(id))
}

fn with_ids(name: &[u8], mut value: Vec<u8>, other: impl Fn(u32) -> Option<u32>) -> io::Result<Vec<u8>> {
    let foreign = || io::Error::other("an extended attribute names an id that no user of the root has");
    let exchange = |id: &mut [u8; 4]| -> io::Result<()> {
        *id = other(u32::from_le_bytes(*id)).ok_or_else(foreign)?.to_le_bytes();
        Ok(())
    };
    if name.starts_with(LIST) {
        let unknown = || io::Error::other("an access control list has a form that is not known");
        let Some((version, entries)) = value.split_first_chunk_mut() else { return Err(unknown()) };
        let (entries, rest) = entries.as_chunks_mut::<ENTRY>();
        if *version != VERSION || !rest.is_empty() {
            return Err(unknown());
        }
        for [low, high, _, _, id @ ..] in entries {
            if WITH_ID.contains(&u16::from_le_bytes([*low, *high])) {
                exchange(id)?;
            }
        }
    } else if name == CAPABILITIES
        && let Some((_, root)) = value.split_at_mut_checked(BEFORE_ROOT)
        && let Ok(root) = <&mut [u8; 4]>::try_from(root)
    {
        exchange(root)?;
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `user::rwx,user:ID:rwx,group::r-x,group:ID:r-x,mask::r-x,other::r-x` as setfacl(1) leaves it.
    fn list(user: u32, group: u32) -> Vec<u8> {
        let none = u32::MAX;
        let entries: [(u16, u16, u32); 6] =
            [(1, 7, none), (2, 7, user), (4, 5, none), (8, 5, group), (0x10, 5, none), (0x20, 5, none)];
        let bytes = |(kind, may, id): (u16, u16, u32)| {
            [&kind.to_le_bytes()[..], &may.to_le_bytes(), &id.to_le_bytes()].concat()
        };
        entries.map(bytes).into_iter().fold(vec![2, 0, 0, 0], |list, entry| [list, entry].concat())
    }

    fn ids(first: u32) -> Ids {
        serde_json::from_value(serde_json::json!({ "first": first })).unwrap()
    }

    #[test]
    fn the_ids_are_those_inside_the_root() {
        let (name, here) = (b"system.posix_acl_default", ids(524_288));
        assert_eq!(inside(name, list(524_320, 524_292), here).unwrap(), list(32, 4));
        assert_eq!(outside(name, list(32, 4), ids(589_824)).unwrap(), list(589_856, 589_828));
        assert_eq!(inside(name, list(32, 4), Ids::SAME).unwrap(), list(32, 4));
        assert_eq!(inside(b"user.colour", b"blue".to_vec(), here).unwrap(), b"blue");
    }

    #[test]
    fn capabilities_are_of_the_roots_own_root() {
        let capabilities = |id: u32| [&[1, 0, 0, 3][..], &[0, 32, 0, 0], &[0; 12], &id.to_le_bytes()].concat();
        let (name, here) = (b"security.capability", ids(524_288));
        assert_eq!(inside(name, capabilities(524_288), here).unwrap(), capabilities(0));
        assert_eq!(outside(name, capabilities(0), here).unwrap(), capabilities(524_288));
        // The second revision has no id.
        let second = capabilities(0)[..20].to_vec();
        assert_eq!(inside(name, second.clone(), here).unwrap(), second);
    }

    #[test]
    fn what_is_no_list_of_the_roots_users_is_refused() {
        let (name, here) = (b"system.posix_acl_access", ids(524_288));
        let odd = [vec![], list(0, 0)[..7].to_vec(), [&[3], &list(0, 0)[1..]].concat()];
        for value in odd.into_iter().chain([list(4, 524_292), list(524_292, 1_000_000)]) {
            assert!(inside(name, value.clone(), here).is_err(), "{value:?}");
        }
    }
}
