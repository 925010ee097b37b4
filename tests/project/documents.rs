//! The commands of the documents that need nothing but stackdeb, as their readers type them: those of the kind `run`. Of the kind
//! `clone`, that of the tutorial.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Trial;
use support::documents::{script_of, scripts, shell};
use support::room::in_namespaces;
use support::{Built, built, cache, program, run, source_folder, text};

use crate::build_command::{builder, share};

pub fn trials() -> Vec<Trial> {
    in_namespaces(support::tests![
        the_commands_of_the_documents_do_what_they_are_for,
        the_tutorial_puts_stackdeb_on_the_search_path
    ])
}

fn the_tutorial_puts_stackdeb_on_the_search_path() {
    let script = script_of(Path::new("docs/tutorial.md"), "clone");
    let mut shell = Command::new("bash");
    shell.args(["-euc", &format!("{script}\ncommand -v stackdeb health-check")]).current_dir(source_folder());
    let found = run(shell.env("PATH", "/usr/bin:/bin"));
    assert_eq!(found.lines().collect::<Vec<_>>(), ["stackdeb", "health-check"].map(program), "{found}");
}

/// A cache with the folder `bases` of its own, which has what is kept already. All else is kept where all tests keep it: an image
/// is made on the tree of its base, and only those of its blocks that no other image has are compressed.
fn share_cache(bases: &Path) {
    built(Built::Image);
    fs::create_dir_all(bases).unwrap();
    let own = bases.parent().unwrap();
    let shared =
        ["pool", "lists", "releases", "names", "wheels", "index-pages", "trees", "blocks", "packages", "choices"];
    for shared in shared {
        fs::create_dir_all(cache().join(shared)).unwrap();
        symlink(cache().join(shared), own.join(shared)).unwrap();
    }
    // Its lock too: trees are removed from a cache while no other build uses it.
    symlink(cache().join("in-use"), own.join("in-use")).unwrap();
    for base in support::listing(&cache().join("bases")).iter().filter(|path| path.is_file()) {
        // Another test may have removed it meanwhile.
        let _ = fs::copy(base, bases.join(base.file_name().unwrap()));
    }
}

fn names(folder: &Path) -> BTreeSet<PathBuf> {
    support::listing(folder).into_iter().collect()
}

fn the_commands_of_the_documents_do_what_they_are_for() {
    for (file, script) in scripts("run") {
        let folder = tempfile::tempdir().unwrap();
        let mut shell = shell(folder.path(), &script);
        let (caches, bases) = (folder.path().join("cache"), folder.path().join("cache/stackdeb/bases"));
        // Without uv, libraries are chosen in a root with pip, which other tests here use as well.
        let has_root = script.contains("stackdeb lock --libraries");
        let _held = has_root.then(builder);
        if has_root {
            share(bases.parent().unwrap());
        } else if script.contains("stackdeb image") {
            share_cache(&bases);
        } else {
            fs::create_dir_all(&bases).unwrap();
        }
        let before = names(&bases);
        shell.env("XDG_CACHE_HOME", caches);
        let output = shell.output().unwrap();
        assert!(output.status.success(), "{}: {}\n{}", file.display(), output.status, text(&output));
        if file.ends_with("tutorial.md") {
            let said = text(&output);
            for words in ["shop_1.0.0_amd64.deb", "There is a mistake in stack.toml.", "shop_1.1.0_amd64.deb"] {
                assert!(said.contains(words), "{words} is missing:\n{said}");
            }
            assert!(folder.path().join("home/shop/dist/shop-1.0.0-linode.json").exists());
            // Its packages are those of the default stack, and it is younger: its image was made from the same base.
            assert_eq!(names(&bases), before);
        }
    }
}
