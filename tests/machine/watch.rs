//! `stackdeb boot --watch`: what is changed in the project is soon in the machine that runs.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use support::edition::edit;
use support::machine::{BOOT_LIMIT, free_port};
use support::{Built, built, default_stack, run, tests};

pub fn trials() -> Vec<Trial> {
    tests![a_change_is_soon_in_the_running_machine]
}

/// `stackdeb boot --watch`, which ends with this.
struct Boot {
    child: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl Boot {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("project");
        default_stack(&project);
        let image = "stack-1.0.0-linode.img.gz";
        fs::create_dir(project.join("dist")).unwrap();
        std::os::unix::fs::symlink(built(Built::Image).join(image), project.join("dist").join(image)).unwrap();
        let port = free_port();
        let said = File::create(folder.path().join("said")).unwrap();
        let mut boot = support::stackdeb();
        boot.args(["boot", "--watch", "--port", &port.to_string()]).current_dir(&project).stdin(Stdio::null());
        let child = boot.stdout(said.try_clone().unwrap()).stderr(said).spawn().unwrap();
        Self { child, folder, port }
    }

    /// Waits until the first page has these words.
    #[track_caller]
    fn wait_for_page(&self, words: &str) {
        self.wait(&format!("the page `{words}`"), || {
            let url = format!("http://127.0.0.1:{}/", self.port);
            let output = Command::new("curl").args(["-s", "-m", "20", &url]).output().unwrap();
            String::from_utf8_lossy(&output.stdout).contains(words)
        });
    }

    #[track_caller]
    fn wait_for_words(&self, words: &str) {
        self.wait(&format!("`{words}`"), || self.said().contains(words));
    }

    #[track_caller]
    fn wait(&self, what: &str, is_there: impl Fn() -> bool) {
        let begin = Instant::now();
        while !is_there() {
            assert!(begin.elapsed() < BOOT_LIMIT, "{what} does not come:\n{}", self.said());
            thread::sleep(Duration::from_millis(500));
        }
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.path().join("said")).unwrap()).into_owned()
    }
}

impl Drop for Boot {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

fn a_change_is_soon_in_the_running_machine() {
    let boot = Boot::start();
    let app = boot.folder.path().join("project/app/app.py");
    boot.wait_for_words("Ctrl-C switches the machine off");
    boot.wait_for_page("Hello from Flask via systemd!");
    let sound = fs::read_to_string(&app).unwrap();
    // A mistake, which does not end the boot.
    let manifest = boot.folder.path().join("project/stack.toml");
    let before = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, format!("{before}\n[odd]\n")).unwrap();
    boot.wait_for_words("odd");
    fs::write(&manifest, before).unwrap();
    edit(&app, "Hello from Flask via systemd!", "Changed while it runs.");
    boot.wait_for_page("Changed while it runs.");
    boot.wait_for_words("stack_1.0.0_amd64.deb is in the machine: built in ");
    // Once more, which finds the machine as it is now.
    fs::write(&app, sound).unwrap();
    boot.wait_for_page("Hello from Flask via systemd!");
    let said = boot.said();
    let told: Vec<&str> = said.lines().filter(|line| line.contains("is in the machine")).collect();
    println!("{}", told.join("\n"));
    run(Command::new("kill").arg(boot.child.id().to_string()));
}
