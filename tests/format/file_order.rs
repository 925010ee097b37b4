//! Inside a module, files and folders know each other in one direction, so each can be read with what it uses before it and
//! without what uses it. This reads the sources, finds which file uses what another one defines, and looks for circles among
//! the files and folders of each folder. What `mod.rs` hands on with `use` counts as a use of the file that defines it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use support::source_folder;

use crate::doc_comments::find_sources;

/// The path of a module, or of what is defined in one: `["render", "app", "rules"]`.
type Names = Vec<String>;

/// What a file says of other modules.
struct Mentions {
    /// The names that `use` brings into the module, with what each stands for.
    brought: BTreeMap<String, Names>,
    /// Paths in the code. Those of a `use` that hands a name on (`pub use`) are not among them.
    used: Vec<Names>,
}

/// The words and signs of the code, without comments and the unit tests at the end. Of a text in quotes only the words count,
/// so its paths are taken for uses; no source has one that leads back.
fn tokens(source: &str) -> Names {
    let code = source.lines().take_while(|line| !line.ends_with("mod tests {"));
    let lines = code.filter(|line| !line.trim_start().starts_with("//"));
    let mut tokens: Names = Vec::new();
    for line in lines {
        let mut in_word = false;
        for c in line.chars() {
            let of_word = c.is_alphanumeric() || c == '_';
            match tokens.last_mut() {
                Some(last) if (in_word && of_word) || (c == ':' && last == ":") => last.push(c),
                _ if c.is_whitespace() => {}
                _ => tokens.push(c.to_string()),
            }
            in_word = of_word;
        }
    }
    tokens
}

/// Reads a path at the beginning of `tokens`, which may be a tree such as `a::{b, c::d as e}`. Returns each path with the name
/// that it has here, and the number of tokens.
fn tree(tokens: &[String], before: &[String]) -> (Vec<(String, Names)>, usize) {
    let (mut path, mut at) = (before.to_vec(), 0);
    let mut found = Vec::new();
    loop {
        if tokens[at] == "{" {
            at += 1;
            while tokens[at] != "}" {
                let (inside, length) = tree(&tokens[at..], &path);
                found.extend(inside);
                at += length;
                at += usize::from(tokens[at] == ",");
            }
            return (found, at + 1);
        }
        if tokens[at] != "self" || path.is_empty() {
            path.push(tokens[at].clone());
        }
        at += 1;
        match tokens.get(at).map(String::as_str) {
            // `::<` is for types.
            Some("::") if tokens[at + 1] == "{" || tokens[at + 1].starts_with(|c: char| c.is_alphabetic()) => at += 1,
            Some("as") => return (vec![(tokens[at + 1].clone(), path)], at + 2),
            _ => return (vec![(path.last().unwrap().clone(), path)], at),
        }
    }
}

fn mentions(source: &str, is_child: impl Fn(&str) -> bool) -> Mentions {
    let tokens = tokens(source);
    let mut mentions = Mentions { brought: BTreeMap::new(), used: Vec::new() };
    let mut at = 0;
    while at < tokens.len() {
        let before = at.checked_sub(1).map_or("", |at| tokens[at].as_str());
        let is_start = matches!(tokens[at].as_str(), "crate" | "super" | "self") || is_child(&tokens[at]);
        let follows = tokens.get(at + 1).is_some_and(|next| next == "::");
        // `pub(in crate::render)` uses nothing.
        if !is_start || !follows || matches!(before, "::" | "." | "in") {
            at += 1;
            continue;
        }
        let (found, length) = tree(&tokens[at..], &[]);
        at += length;
        if before == "use" {
            mentions.brought.extend(found.iter().cloned());
        }
        let is_handed_on =
            before == "use" && matches!(tokens[..at - length - 1].last().map(String::as_str), Some("pub" | ")"));
        if !is_handed_on {
            mentions.used.extend(found.into_iter().map(|(_, path)| path));
        }
    }
    mentions
}

/// The modules of a folder of sources: their paths with the text of their files.
fn modules(folder: &Path) -> BTreeMap<Names, String> {
    let mut files = Vec::new();
    find_sources(folder, &mut files);
    // Files of unit tests, and the programs, which belong to no module.
    files.retain(|file| !file.to_str().unwrap().ends_with("tests.rs") && !file.ends_with("main.rs"));
    let module = |file: &Path| {
        let path = file.strip_prefix(folder).unwrap().with_extension("");
        let mut names: Names = path.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
        names.pop_if(|last| matches!(last.as_str(), "mod" | "lib"));
        names
    };
    files.iter().map(|file| (module(file), fs::read_to_string(file).unwrap())).collect()
}

/// Which module uses what another one defines.
fn uses(modules: &BTreeMap<Names, String>) -> BTreeSet<(Names, Names)> {
    let child = |module: &[String], name: &str| [module, &[name.to_owned()]].concat();
    let mentioned: BTreeMap<&Names, Mentions> = modules
        .iter()
        .map(|(module, source)| (module, mentions(source, |name| modules.contains_key(&child(module, name)))))
        .collect();
    // The module that defines what a path in `module` leads to.
    let definer = |module: &Names, path: &Names| {
        let (mut at, mut rest): (Names, Vec<String>) = (module.clone(), path.iter().rev().cloned().collect());
        // Names stand for names only a few times.
        for _ in 0..100 {
            let Some(name) = rest.pop() else { break };
            match name.as_str() {
                "crate" => at.clear(),
                "self" => {}
                "super" => {
                    at.pop();
                }
                _ if modules.contains_key(&child(&at, &name)) => at.push(name),
                _ => match mentioned.get(&at).and_then(|mentions| mentions.brought.get(&name)) {
                    Some(path) => rest.extend(path.iter().rev().cloned()),
                    None => break,
                },
            }
        }
        at
    };
    let each = mentioned
        .iter()
        .flat_map(|(module, mentions)| mentions.used.iter().map(|path| ((*module).clone(), definer(module, path))));
    each.filter(|(one, other)| one != other && modules.contains_key(other)).collect()
}

/// The uses that are parts of a circle, as sentences.
fn circles(uses: &BTreeSet<(Names, Names)>) -> Vec<String> {
    // For two files, the names in the folder that both are in: of `linode/api/tag` and `linode/error`, `api` and `error`.
    let between = uses.iter().map(|(one, other)| {
        let common = one.iter().zip(other).take_while(|(one, other)| one == other).count();
        let name = |module: &Names| module.iter().take(common + 1).cloned().collect::<Names>();
        (name(one), name(other))
    });
    let known: BTreeSet<(Names, Names)> = between.collect();
    let reaches = |from: &Names, to: &Names| {
        let (mut todo, mut seen) = (vec![from], BTreeSet::new());
        while let Some(module) = todo.pop() {
            if module == to {
                return true;
            }
            let next = known.iter().filter(|(one, _)| one == module).map(|(_, other)| other);
            todo.extend(next.filter(|other| seen.insert(*other)));
        }
        false
    };
    let in_circle = known.iter().filter(|(one, other)| reaches(other, one));
    in_circle.map(|(one, other)| format!("{} uses {}", one.join("/"), other.join("/"))).collect()
}

#[test]
fn files_of_a_module_know_each_other_in_one_direction() {
    for (folder, fewest) in [("src", 1500), ("health-check/src", 20)] {
        let uses = uses(&modules(&source_folder().join(folder)));
        assert!(uses.len() > fewest, "only {} uses were found in {folder}", uses.len());
        let circles = circles(&uses);
        assert!(circles.is_empty(), "{folder}: {circles:#?}");
    }
}

#[test]
fn a_circle_is_found() {
    let circles_in = |sources: &[(&str, &str)]| {
        let names = |path: &str| path.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect::<Names>();
        circles(&uses(&sources.iter().map(|(path, source)| (names(path), (*source).to_owned())).collect()))
    };
    // `one` knows `two` through what `mod.rs` hands on, and `two` a file of `one`.
    let circle = [
        ("", ""),
        ("place", "mod one;\nmod two;\npub use one::One;\npub(crate) use two::{Other, Two as Second};"),
        ("place/one", "mod inner;\nuse std::fmt;\nuse super::{\n    Second,\n};"),
        ("place/one/inner", "pub struct Inner;"),
        ("place/two", "pub struct Two(crate::place::one::inner::Inner);"),
    ];
    assert_eq!(circles_in(&circle), ["place/one uses place/two", "place/two uses place/one"]);
    let mut three = circle;
    three[4].1 = "use crate::three::{Three, self};";
    let three = [three.as_slice(), &[("three", "fn f() {\n    crate::place::One::new(x);\n}")]].concat();
    assert_eq!(circles_in(&three), ["place uses three", "three uses place"]);
    // Not a use: a comment, a unit test, the visibility of a name. A re-export is not a use by `mod.rs`.
    for no_use in [
        "//! As [`crate::place::one::One`].",
        "#[cfg(test)]\npub(super) mod tests {\n    use super::super::one::One;\n}",
        "pub(in crate::place::one) struct Two;",
    ] {
        let mut without = circle;
        without[4].1 = no_use;
        assert_eq!(circles_in(&without), [""; 0], "{no_use}");
    }
}
