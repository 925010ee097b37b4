//! Relation fields are accepted, reduced to amd64 without a build profile, and written as by the Perl library of dpkg; and
//! python3-debian reads in them what we read.

use std::process::Command;

use stackdeb::control::{RelationError, Relations};

use super::generated::{CASES, Cases, MANY_CASES, answers, one_line};

/// For each line with a field: `1` and how it is written, or `0`. The library does not look at versions by itself.
const PERL: &str = r#"
use Dpkg::Deps;
use Dpkg::ErrorHandling;
use Dpkg::Version;
report_options(quiet_warnings => 1);
my %reduced = (host_arch => 'amd64', build_arch => 'amd64', reduce_arch => 1, reduce_profiles => 1, build_profiles => []);
while (my $text = <STDIN>) {
    chomp $text;
    $text =~ s/\\n/\n/g;
    $text =~ s/\\t/\t/g;
    my $all = eval { deps_parse($text) };
    my $good = defined $all;
    deps_iterate($all, sub {
        my $version = $_[0]->{version};
        # As dpkg itself: something behind an epoch, and no colon in a revision.
        $good = 0 if defined $version and (not version_check($version) or $version =~ /^[^:]*:$|-[^-]*:[^-]*$/);
        return 1;
    }) if $good;
    my $deps = $good ? eval { deps_parse($text, %reduced) } : undef;
    print defined $deps ? "1\t$deps\n" : "0\n";
}
"#;

/// For each line with a field: each relation as `NAME QUALIFIER COMPARISON VERSION`, with `-` for what is not there.
const PYTHON: &str = r"
import sys
from debian.deb822 import PkgRelation
for line in sys.stdin:
    members = PkgRelation.parse_relations(line.rstrip('\n'))
    def of(one):
        assert one['arch'] is None and one['restrictions'] is None, line
        comparison, version = one['version'] or ('-', '-')
        return ' '.join([one['name'], one['archqual'] or '-', comparison, version])
    print(', '.join('|'.join(of(one) for one in member) for member in members))
";

const BLANKS: [&str; 8] = ["", "", " ", " ", "  ", "\t", "\n ", " \n\t"];
const NAMES: [&str; 14] =
    ["libc6", "aa", "bb", "c++", "0ad", "python3.13", "lib-a.b+c", "g++-14", "zz", "qq", "a", "Foo", "x_y", "-a"];
const QUALIFIERS: [&str; 14] = ["", "", "", "", "", "", "", ":any", ":any", ":amd64", ":arm64", ":native", ":", ":a_b"];
const COMPARISONS: [&str; 16] =
    [">=", ">=", ">=", "=", "<<", "<=", ">>", "=", ">=", ">=", "<<", "<", ">", "=>", "==", ""];
const VERSIONS: [&str; 14] =
    ["1", "1.0-1", "1:2.0~rc1-3+b1", "0:1", "5~", "2.36-9+deb12u10", "007", "1", "2", "1-", "", "a1", "1_0", "1 2"];
const ARCHITECTURES: [&str; 17] = [
    "amd64",
    "arm64",
    "i386",
    "any",
    "linux-any",
    "any-amd64",
    "any-i386",
    "kfreebsd-any",
    "gnu-any-any",
    "musl-linux-any",
    "base-gnu-linux-amd64",
    "any-any-amd64",
    "any-any-any-any",
    "base-any-linux-any",
    "linux-amd64",
    "AMD64",
    "x32",
];
const PROFILES: [&str; 6] = ["nocheck", "!nocheck", "stage1", "!cross", "pkg.foo.bar", "!pkg.foo.bar"];
const DAMAGE: [&str; 23] = [
    ")", "(", "[", "]", "<", ">", ",", "|", "!", ":", ";", "é", "\u{a0}", "\u{2003}", "${x}", "(>= 1)", "[amd64]",
    "[]", "<>", "#", "\"", "x y", "~",
];

fn relation(cases: &mut Cases) -> String {
    let name = if cases.once_in(20) { cases.one_of(&NAMES) } else { cases.one_of(&NAMES[..10]) };
    let mut text = format!("{name}{}", if cases.once_in(4) { cases.one_of(&QUALIFIERS) } else { "" });
    if cases.once_in(2) {
        // The last ones of each table are mistakes.
        let (comparisons, versions) = if cases.once_in(6) { (16, 14) } else { (11, 9) };
        let (comparison, version) = (cases.one_of(&COMPARISONS[..comparisons]), cases.one_of(&VERSIONS[..versions]));
        let blanks: Vec<&str> = (0..4).map(|_| cases.one_of(&BLANKS)).collect();
        text.push_str(&format!("{}({}{comparison}{}{version}{})", blanks[0], blanks[1], blanks[2], blanks[3]));
    }
    if cases.once_in(5) {
        let (not, count) = (if cases.once_in(2) { "!" } else { "" }, 1 + cases.below(3));
        let one = |_| match cases.once_in(15) {
            true => cases.text(&["!", "a", "_", "amd64"], 1, 3),
            false => format!("{not}{}", cases.one_of(&ARCHITECTURES)),
        };
        let list: Vec<String> = (0..count).map(one).collect();
        text.push_str(&format!("{}[{}]", cases.one_of(&BLANKS), list.join(" ")));
    }
    if cases.once_in(5) {
        for _ in 0..=cases.below(2) {
            let list: Vec<&str> = (0..=cases.below(3)).map(|_| cases.one_of(&PROFILES)).collect();
            text.push_str(&format!(" <{}>", list.join(" ")));
        }
    }
    text
}

fn field(cases: &mut Cases) -> String {
    let mut text = String::new();
    for member in 0..=cases.below(4) {
        if member > 0 {
            text.push_str(cases.one_of(&[", ", ", ", ",", " ,\n ", ",\n", "\t, "]));
        }
        for alternative in 0..=cases.below(5).saturating_sub(2) {
            if alternative > 0 {
                text.push_str(cases.one_of(&[" | ", " | ", "|", " |\n "]));
            }
            text.push_str(&relation(cases));
        }
    }
    text.push_str(cases.one_of(&["", "", "", "", "", "", "\n", " ", ",", " ,\n", ", ,", " |", ",,"]));
    if cases.once_in(4) { cases.damaged(&text, &DAMAGE) } else { text }
}

/// The library passes over empty members of a field, and over what is empty at the end of alternatives. dpkg-deb and Debian
/// Policy 7.1 do not.
/// We take one comma at the end of a field, as in debian/control.
fn only_perl_accepts(text: &str) -> bool {
    let text = text.trim_ascii();
    let text = text.strip_suffix(',').unwrap_or(text).trim_ascii();
    text.split(',').map(str::trim_ascii).any(|member| member.is_empty() || member.ends_with('|'))
}

/// What Debian Policy forbids and the library accepts: names of one letter or with capitals, `<` and `>`, and lists that are
/// empty or have a `!` before some of their architectures; and it looks at no profile's name.
fn policy_forbids(error: &RelationError) -> bool {
    use RelationError::{BadArchitectures, BadComparison, BadProfiles, Name};
    matches!(error, Name(_) | BadComparison(_) | BadArchitectures(_) | BadProfiles(_))
}

fn for_python(relations: &Relations) -> String {
    let members = relations.0.iter().map(|member| {
        let all = member.0.iter().map(|one| {
            let version =
                one.version.as_ref().map(|(comparison, version)| format!("{} {version}", comparison.as_str()));
            let version = version.unwrap_or_else(|| "- -".to_owned());
            format!("{} {} {version}", one.name, one.qualifier.as_deref().unwrap_or("-"))
        });
        all.collect::<Vec<_>>().join("|")
    });
    members.collect::<Vec<_>>().join(", ")
}

fn compare(count: usize, mut cases: Cases) {
    let texts: Vec<String> = (0..count).map(|_| field(&mut cases)).collect();
    let lines: Vec<String> = texts.iter().map(|text| one_line(text)).collect();
    let theirs = answers("libdpkg-perl", Command::new("perl").args(["-e", PERL]), &lines);
    let (mut written, mut read, mut refused, mut by_policy) = (Vec::new(), Vec::new(), 0, 0);
    for (text, answer) in texts.iter().zip(&theirs) {
        let accepted = answer.strip_prefix("1\t");
        match text.parse::<Relations>() {
            Ok(ours) => {
                assert_eq!(Some(ours.to_string().as_str()), accepted, "{text:?}");
                if !ours.0.is_empty() {
                    written.push(ours.to_string());
                    read.push(for_python(&ours));
                }
            }
            Err(error) if policy_forbids(&error) => by_policy += 1,
            Err(error) => {
                assert!(accepted.is_none() || only_perl_accepts(text), "{text:?}: {error}");
                refused += 1;
            }
        }
    }
    // Else too little was compared.
    assert!(written.len() > count / 10 && refused > count / 15, "{} accepted, {refused} refused", written.len());
    assert!(by_policy < count / 2, "{by_policy} are refused by Debian Policy alone");
    let theirs = answers("python3-debian", Command::new("/usr/bin/python3").args(["-c", PYTHON]), &written);
    for ((text, ours), answer) in written.iter().zip(&read).zip(&theirs) {
        assert_eq!(ours, answer, "{text}");
    }
}

#[test]
fn relations_are_those_of_dpkg_and_python_debian() {
    compare(CASES, Cases::same());
}

#[test]
#[ignore = "many more cases take longer: just soak"]
fn many_more_relations_are_those_of_dpkg_and_python_debian() {
    compare(MANY_CASES, Cases::other());
}
