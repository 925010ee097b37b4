//! Changes of files: a folder → the moments at which something in it was written, as inotify(7) tells them.

use std::path::{Component, Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

/// An editor writes several files at once; what comes within this time counts as one change.
const TOGETHER: Duration = Duration::from_millis(300);

/// A folder that is watched until this is dropped.
pub struct Changes {
    events: Receiver<()>,
    _watcher: RecommendedWatcher,
}

impl Changes {
    /// Watches a folder and all that is in it, except what is inside of `ignored` (paths below the folder) and in hidden
    /// folders, such as `.git`.
    ///
    /// # Errors
    /// When the folder cannot be read, or the user may watch no more folders (`fs.inotify.max_user_watches`, inotify(7)).
    pub fn watch(folder: &Path, ignored: &[&Path]) -> notify::Result<Self> {
        let folder = folder.canonicalize()?;
        let ignored: Vec<PathBuf> = ignored.iter().map(|path| folder.join(path)).collect();
        let (sender, events) = mpsc::channel();
        let root = folder.clone();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // After an error, such as an overflow of the kernel's queue, anything may have changed.
            let is_change = event.map_or(true, |event| {
                !matches!(event.kind, EventKind::Access(_))
                    && event.paths.iter().any(|path| !is_ignored(path, &root, &ignored))
            });
            if is_change {
                let _ = sender.send(());
            }
        })?;
        watcher.watch(&folder, RecursiveMode::Recursive)?;
        Ok(Self { events, _watcher: watcher })
    }

    /// Waits for a change, and until no further one has come for a moment. Whether there was one within `limit`.
    pub fn wait(&self, limit: Duration) -> bool {
        match self.events.recv_timeout(limit) {
            Ok(()) => {
                while self.events.recv_timeout(TOGETHER) == Ok(()) {}
                true
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => false,
        }
    }
}

fn is_ignored(path: &Path, root: &Path, ignored: &[PathBuf]) -> bool {
    let below = path.strip_prefix(root).unwrap_or(path);
    let mut folders = below.parent().into_iter().flat_map(Path::components);
    let hidden =
        |part: Component<'_>| matches!(part, Component::Normal(name) if name.as_encoded_bytes().starts_with(b"."));
    ignored.iter().any(|folder| path.starts_with(folder)) || folders.any(hidden)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);
    const SHORT: Duration = Duration::from_millis(500);

    #[test]
    fn a_change_is_told_once_and_what_is_made_is_not() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["app/templates", "dist", ".git"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        let changes = Changes::watch(folder.path(), &[Path::new("dist")]).unwrap();
        assert!(!changes.wait(SHORT));
        for name in ["app/app.py", "app/templates/page.html", ".env"] {
            fs::write(folder.path().join(name), name).unwrap();
            assert!(changes.wait(LONG), "{name}");
            assert!(!changes.wait(SHORT), "{name} is told twice");
        }
        // A file that is read, and files that nobody has written.
        fs::read(folder.path().join("app/app.py")).unwrap();
        fs::write(folder.path().join("dist/a.deb"), "x").unwrap();
        fs::write(folder.path().join(".git/index"), "x").unwrap();
        assert!(!changes.wait(SHORT));
        fs::rename(folder.path().join("app/app.py"), folder.path().join("app/main.py")).unwrap();
        assert!(changes.wait(LONG));
        // A folder that is new.
        fs::create_dir(folder.path().join("app/new")).unwrap();
        assert!(changes.wait(LONG));
        fs::write(folder.path().join("app/new/file"), "x").unwrap();
        assert!(changes.wait(LONG));
    }
}
