//! The nearest of the known names, for hints.

/// The known name that is nearest to what was written, if any is near enough to be meant.
pub(super) fn nearest<'n>(written: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let written: Vec<char> = written.chars().take(64).flat_map(char::to_lowercase).collect();
    let tolerated = (written.len() / 3).max(1);
    known
        .into_iter()
        .map(|name| (distance(&written, &name.to_lowercase().chars().collect::<Vec<_>>()), name))
        .filter(|(distance, _)| *distance <= tolerated)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// `did you mean `x`?` or the whole list of what is known.
pub(super) fn hint<'n>(written: &str, known: impl IntoIterator<Item = &'n str> + Clone) -> String {
    match nearest(written, known.clone()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => {
            let names: Vec<&str> = known.into_iter().collect();
            format!("use one of: {}", names.join(", "))
        }
    }
}

/// Edits (insert, delete, replace, swap of neighbours) between two texts: optimal string alignment distance.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (row, from) in a.iter().enumerate() {
        let mut next = vec![row + 1];
        for (column, to) in b.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX / 2);
            let mut best =
                (at(&last, column) + usize::from(from != to)).min(at(&last, column + 1) + 1).min(at(&next, column) + 1);
            let swapped = row > 0 && column > 0 && a.get(row - 1) == Some(to) && b.get(column - 1) == Some(from);
            if swapped {
                best = best.min(at(&before, column - 1) + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut last, next);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{hint, nearest};

    #[test]
    fn slips_of_one_key_are_found() {
        let known = ["effect", "action", "agent", "when", "unless"];
        assert_eq!(nearest("efect", known), Some("effect"));
        assert_eq!(nearest("acitons", known), Some("action"));
        assert_eq!(nearest("When", known), Some("when"));
        assert_eq!(nearest("zzz", known), None);
    }

    #[test]
    fn without_a_near_name_all_are_listed() {
        assert_eq!(hint("zzz", ["le", "lt"]), "use one of: le, lt");
    }
}
