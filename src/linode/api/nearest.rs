//! A suggestion for a name that Linode does not have.

/// How similar two names must be, from 0 to 1 by Jaro and Winkler: `us-esat` and `us-east` have 0.97,
/// `zz` and any region 0.
const THRESHOLD: f64 = 0.8;

/// The candidate that is most similar to `name`, if one is similar enough to be what the user meant.
pub(in crate::linode) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let rated = candidates.map(|candidate| (strsim::jaro_winkler(name, candidate), candidate));
    let (likeness, best) = rated.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    (likeness > THRESHOLD).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_recognized_and_another_name_is_not() {
        let all = ["us-den-1", "ca-central", "us-east"];
        assert_eq!(nearest("us-esat", all.into_iter()), Some("us-east"));
        assert_eq!(nearest("us-den1", all.into_iter()), Some("us-den-1"));
        assert_eq!(nearest("zz", all.into_iter()), None);
        assert_eq!(nearest("us-east", std::iter::empty()), None);
    }
}
