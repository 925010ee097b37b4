//! Finds the known word that a user probably meant with an unknown one: a key, a template, a package, a region of Linode.

/// Returns the known word with the fewest slips to `word`; `None` when that is more than one slip, and one
/// more for each four letters.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace('_', "-");
    let word = plain(word);
    let distance = |candidate: &str| strsim::damerau_levenshtein(&word, &plain(candidate));
    let best = known.iter().copied().min_by_key(|candidate| distance(candidate))?;
    (distance(best).saturating_sub(1) <= best.len() / 4).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_understood_and_a_stranger_is_not() {
        let known = ["maintainer", "max-body-size", "port"];
        assert_eq!(nearest("maintaner", &known), Some("maintainer"));
        assert_eq!(nearest("max_body_size", &known), Some("max-body-size"));
        assert_eq!(nearest("prot", &known), Some("port"));
        assert_eq!(nearest("colour", &known), None);
        let regions = ["us-den-1", "ca-central", "us-east"];
        assert_eq!(nearest("us-esat", &regions), Some("us-east"));
        assert_eq!(nearest("us-den1", &regions), Some("us-den-1"));
        assert_eq!(nearest("zz", &regions), None);
        assert_eq!(nearest("serve_garnian.py", &["serve_uvicorn.py", "serve_granian.py"]), Some("serve_granian.py"));
        assert_eq!(nearest("x", &[]), None);
    }
}
