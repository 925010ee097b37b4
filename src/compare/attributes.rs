//! Extended attributes (xattr(7)) as words for an administrator: file capabilities as getcap(8) shows them, access control
//! lists in the short form of acl(5), and all else as its text, if it is one.

use std::fmt::Write as _;

use crate::system::hash::Sha256;

/// The attribute with the capabilities of a program.
pub(super) const CAPABILITIES: &str = "security.capability";
const LIST: &str = "system.posix_acl_access";
const DEFAULT_LIST: &str = "system.posix_acl_default";
/// The longest value that is shown as it is, in bytes.
const LONGEST: usize = 100;

/// In the order of their numbers, as in linux/capability.h, without `cap_`.
const NAMES: &str = "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable \
    net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct \
    sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap \
    mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore";

/// What an administrator calls the attribute.
pub(super) fn title(name: &str) -> String {
    match name {
        CAPABILITIES => "capabilities".to_owned(),
        LIST => "access control list".to_owned(),
        DEFAULT_LIST => "default access control list".to_owned(),
        _ => format!("attribute {name}"),
    }
}

/// The value of the attribute `name`, in the form in which ext4 keeps it, as words.
pub(super) fn words(name: &str, value: &[u8]) -> String {
    let known = match name {
        CAPABILITIES => capabilities(value),
        LIST | DEFAULT_LIST => list(value),
        _ => text(value),
    };
    known.unwrap_or_else(|| format!("{} bytes, SHA-256 {}", value.len(), Sha256::of(value)))
}

fn text(value: &[u8]) -> Option<String> {
    // Many programs end a text with a zero.
    let value = value.strip_suffix(b"\0").unwrap_or(value);
    let text = std::str::from_utf8(value).ok().filter(|text| text.len() <= LONGEST)?;
    (!text.chars().any(char::is_control)).then(|| format!("`{text}`"))
}

/// Capabilities with the same flags stand together. Of the third revision, the user that is root in the namespace follows.
fn capabilities(value: &[u8]) -> Option<String> {
    let fields: Vec<u32> = value.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();
    let (head, permitted, inherited, root) = match fields[..] {
        [head, permitted, inherited] if head >> 24 == 1 => (head, u64::from(permitted), u64::from(inherited), None),
        [head, low, low_i, high, high_i, ref rest @ ..] if matches!((head >> 24, rest.len()), (2, 0) | (3, 1)) => {
            let whole = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
            (head, whole(low, high), whole(low_i, high_i), rest.first())
        }
        _ => return None,
    };
    let is_effective = head & 1 != 0;
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for number in 0..u64::BITS {
        let has = |set: u64| set.checked_shr(number).is_some_and(|set| set & 1 != 0);
        let (is_permitted, is_inherited) = (has(permitted), has(inherited));
        if !is_permitted && !is_inherited {
            continue;
        }
        let flags: String = [('e', is_effective), ('i', is_inherited), ('p', is_permitted)]
            .iter()
            .filter(|one| one.1)
            .map(|one| one.0)
            .collect();
        let name = usize::try_from(number).ok().and_then(|number| NAMES.split(' ').nth(number));
        let name = name.map_or_else(|| number.to_string(), |name| format!("cap_{name}"));
        match groups.iter_mut().find(|group| group.0 == flags) {
            Some(group) => group.1.push(name),
            None => groups.push((flags, vec![name])),
        }
    }
    let groups: Vec<String> = groups.into_iter().map(|(flags, names)| format!("{}={flags}", names.join(","))).collect();
    let mut text = if groups.is_empty() { "=".to_owned() } else { groups.join(" ") };
    if let Some(root) = root {
        // Writing to a text does not fail.
        let _ = write!(text, " [rootid={root}]");
    }
    Some(text)
}

/// The form is that of `fs/ext4/acl.h` in Linux: a version, then entries of a kind and permissions, some with an id.
fn list(value: &[u8]) -> Option<String> {
    let mut rest = value.strip_prefix(&1_u32.to_le_bytes())?;
    let mut entries = Vec::new();
    while let Some(([kind, _, may, _], after)) = rest.split_first_chunk() {
        rest = after;
        let permissions: String =
            [(4, 'r'), (2, 'w'), (1, 'x')].map(|(bit, c)| if may & bit == 0 { '-' } else { c }).iter().collect();
        let (kind, has_id) = match kind {
            0x01 => ("user", false),
            0x02 => ("user", true),
            0x04 => ("group", false),
            0x08 => ("group", true),
            0x10 => ("mask", false),
            0x20 => ("other", false),
            _ => return None,
        };
        let mut id = String::new();
        if has_id {
            let (number, after) = rest.split_first_chunk()?;
            (id, rest) = (u32::from_le_bytes(*number).to_string(), after);
        }
        entries.push(format!("{kind}:{id}:{permissions}"));
    }
    rest.is_empty().then(|| entries.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes are those that setcap(8) writes, the words those of getcap(8).
    #[test]
    fn capabilities_read_as_getcap_shows_them() {
        let value = |head: u32, sets: [u32; 4]| [&[head][..], &sets].concat().into_iter().flat_map(u32::to_le_bytes);
        let words = |head, sets| words(CAPABILITIES, &value(head, sets).collect::<Vec<u8>>());
        assert_eq!(words(0x0200_0001, [1 << 13, 0, 0, 0]), "cap_net_raw=ep");
        assert_eq!(
            words(0x0200_0000, [1 << 10 | 1 << 12, 0, 1 << 7, 0]),
            "cap_net_bind_service,cap_net_admin,cap_bpf=p"
        );
        assert_eq!(words(0x0200_0001, [1 << 7, 1 << 6, 0, 0]), "cap_setgid=ei cap_setuid=ep");
        let third: Vec<u8> = value(0x0300_0001, [1, 0, 0, 0]).chain(1000_u32.to_le_bytes()).collect();
        assert_eq!(super::words(CAPABILITIES, &third), "cap_chown=ep [rootid=1000]");
        assert!(super::words(CAPABILITIES, b"odd").starts_with("3 bytes, SHA-256 "));
    }

    #[test]
    fn what_is_no_text_is_shown_by_its_digest() {
        assert_eq!(words("user.colour", b"blue\0"), "`blue`");
        for value in [&b"a\nb"[..], &[0xff], &[b'x'; LONGEST + 1]] {
            assert!(words("user.colour", value).starts_with(&format!("{} bytes, SHA-256 ", value.len())));
        }
        assert!(words(LIST, b"\x01\0\0\0\x02\0\x06\0\x01").starts_with("9 bytes, "));
    }
}
