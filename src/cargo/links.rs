//! Targets of symbolic links as Debian Policy 10.5 wants them: relative within one folder at the top, else absolute.

/// The target of the link at `path`, an absolute path. `None` when it would lead out of the root folder.
pub(super) fn normal_target(path: &str, target: &str) -> Option<String> {
    let here = parts(&[], path)?;
    let (_, folder) = here.split_last()?;
    let start: &[String] = if target.starts_with('/') { &[] } else { folder };
    let there = parts(start, target)?;
    if folder.is_empty() || folder.first() != there.first() {
        return Some(format!("/{}", there.join("/")));
    }
    let shared = folder.iter().zip(&there).take_while(|(a, b)| a == b).count();
    let up = folder.iter().skip(shared).map(|_| "..");
    let down = there.iter().skip(shared).map(String::as_str);
    let relative: Vec<&str> = up.chain(down).collect();
    Some(if relative.is_empty() { ".".to_owned() } else { relative.join("/") })
}

/// The parts of `path` below `start`, without `.` and `..`.
fn parts(start: &[String], path: &str) -> Option<Vec<String>> {
    let mut all = start.to_vec();
    for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
        if part == ".." {
            all.pop()?;
        } else {
            all.push(part.to_owned());
        }
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of Debian Policy 10.5.
    #[test]
    fn targets_are_relative_within_a_folder_at_the_top() {
        let target = |path, target| normal_target(path, target).unwrap();
        assert_eq!(target("/usr/lib/foo", "/usr/share/bar"), "../share/bar");
        assert_eq!(target("/var/run", "/run"), "/run");
        assert_eq!(target("/usr/bin/a", "b"), "b");
        assert_eq!(target("/usr/bin/a", "../lib/b"), "../lib/b");
        assert_eq!(target("/usr/bin/a", "../../etc/b"), "/etc/b");
        assert_eq!(normal_target("/usr/a", "../../b"), None);
    }
}
