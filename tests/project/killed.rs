//! Builds that are killed, and builds at the same time: the next image has the right bytes, and nothing is left over. They
//! take minutes, so `just soak` runs them.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use support::room::for_soak;
use support::{Built, built, default_stack, listing, run, stackdeb};

/// They build forty images and two.
pub fn trials() -> Vec<Trial> {
    for_soak(support::tests![an_image_after_a_kill_at_any_moment_is_right, two_builds_at_once_share_the_cache])
}

/// How often a build is killed.
const ROUNDS: u32 = 20;

/// What a cache keeps of earlier builds, beside downloads.
const KEPT: [&str; 7] = ["bases", "blocks", "built", "choices", "images", "packages", "trees"];

/// A project whose cache has the downloads and nothing else.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        // The image that is compared with. Its downloads are copied: their names are their digests.
        built(Built::Image);
        let place = Self { folder: tempfile::tempdir_in(support::kept()).unwrap() };
        fs::create_dir_all(place.cache()).unwrap();
        run(Command::new("cp").arg("-r").arg(support::cache().join("pool")).arg(place.cache()));
        place
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache/stackdeb")
    }

    /// A copy of the default stack.
    fn project(&self, name: &str) -> PathBuf {
        let project = self.folder.path().join(name);
        default_stack(&project);
        project
    }

    fn image(&self, project: &Path) -> Command {
        let mut command = stackdeb();
        command.arg("image").current_dir(project).env("XDG_CACHE_HOME", self.folder.path().join("cache"));
        command
    }

    /// The processes whose root or folder is in the cache, as those of a sandbox are.
    fn processes(&self) -> Vec<PathBuf> {
        let all = fs::read_dir("/proc").unwrap().filter_map(|entry| Some(entry.ok()?.path()));
        let is_inside = |process: &PathBuf| {
            ["root", "cwd"].iter().any(|link| {
                fs::read_link(process.join(link)).is_ok_and(|target| target.starts_with(self.folder.path()))
            })
        };
        all.filter(is_inside).collect()
    }

    /// Waits until the processes of a killed build are gone: the kernel ends them when their parent has ended.
    fn wait_for_end(&self) {
        let begin = Instant::now();
        while !self.processes().is_empty() {
            assert!(begin.elapsed() < Duration::from_secs(20), "still there: {:?}", self.processes());
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Nothing of a build is in the folder that builds work in, and nothing is mounted.
    fn assert_clean(&self) {
        let work = self.cache().join("work");
        assert_eq!(listing(&work), [work.join("lock")]);
        let mounts = fs::read("/proc/self/mountinfo").unwrap();
        let place = self.folder.path().as_os_str().as_bytes();
        assert!(!mounts.windows(place.len()).any(|part| part == place), "{}", String::from_utf8_lossy(&mounts));
    }
}

fn image_of(project: &Path) -> PathBuf {
    project.join("dist/stack-1.0.0-linode.img.gz")
}

/// The same bytes as the image of the other tests, and the same manifest.
fn assert_right(project: &Path) {
    let (ours, theirs) = (image_of(project), built(Built::Image).join("stack-1.0.0-linode.img.gz"));
    run(Command::new("cmp").arg(&ours).arg(&theirs));
    let manifest = |image: &Path| fs::read_to_string(image.with_extension("").with_extension("json")).unwrap();
    assert_eq!(manifest(&ours), manifest(&theirs));
}

fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn an_image_after_a_kill_at_any_moment_is_right() {
    let place = Place::new();
    let project = place.project("stack");
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    // How long a build takes from nothing, and from what is kept.
    let mut lasts = [Duration::ZERO; 2];
    for (number, last) in lasts.iter_mut().enumerate() {
        let _ = fs::remove_dir_all(project.join("dist"));
        let begin = Instant::now();
        run(&mut place.image(&project));
        *last = begin.elapsed();
        assert_right(&project);
        println!("{} {:.1} s", ["from nothing", "from what is kept"][number], last.as_secs_f64());
    }
    for round in 0..ROUNDS {
        let _ = fs::remove_dir_all(project.join("dist"));
        let from_nothing = round % 2 == 0;
        if from_nothing {
            for kept in KEPT {
                stackdeb::system::tree::remove(&place.cache().join(kept)).unwrap();
            }
        }
        let moment = lasts[usize::from(!from_nothing)].mul_f64(random.f64());
        let mut build = start(&mut place.image(&project));
        thread::sleep(moment);
        // The program alone, as the kernel does it when memory runs out.
        build.kill().unwrap();
        let ended = build.wait().unwrap();
        println!("round {round}: after {:.1} s, {ended}", moment.as_secs_f64());
        place.wait_for_end();
        if image_of(&project).exists() {
            run(Command::new("gzip").arg("-t").arg(image_of(&project)));
        }
        let said = run(&mut place.image(&project));
        assert!(!said.contains("is damaged"), "{said}");
        assert_right(&project);
        place.assert_clean();
    }
}

fn two_builds_at_once_share_the_cache() {
    let place = Place::new();
    let projects = ["one", "other"].map(|name| place.project(name));
    let builds = [&projects[0], &projects[1]].map(|project| start(&mut place.image(project)));
    for mut build in builds {
        assert!(build.wait().unwrap().success());
    }
    projects.iter().for_each(|project| assert_right(project));
    place.assert_clean();
}
