//! Takes OpenMetrics text apart, as `prometheus-client` writes it: HELP, TYPE and UNIT of a family in
//! this order, and then its samples.
//!
//! That crate writes names, label names and help as they were given. Help with line breaks is read
//! all the same, as what stands between HELP and TYPE. A name or label with a line break makes lines
//! that can't be read; the next HELP is where reading goes on. Any text can be read in time that is
//! linear in its length.

use std::hash::BuildHasher;

use super::rejected::Reason;
use crate::descriptor::{Type, is_label_name};

/// A family as it stands in the text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Family<'t> {
    /// As HELP, TYPE and, with a suffix, the samples have it.
    pub(super) written: &'t str,
    /// Without the suffix of its type: a counter registered as `a_total` is the family `a`.
    pub(super) name: &'t str,
    pub(super) ty: Type,
    pub(super) help: &'t str,
    pub(super) unit: Option<&'t str>,
    /// The lines of its samples.
    samples: &'t str,
}

/// What can't be read as a family: its name, as far as that is known, and why.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unreadable<'t> {
    pub(super) name: &'t str,
    pub(super) reason: Reason,
}

const HELP: &str = "# HELP ";
const NEXT_HELP: &str = "\n# HELP ";

/// The families of a text, in its order.
pub(super) fn families(text: &str) -> impl Iterator<Item = Result<Family<'_>, Unreadable<'_>>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let end = rest.find(NEXT_HELP).map_or(rest.len(), |at| at + 1);
            let (stretch, tail) = rest.split_at(end);
            rest = tail;
            if !matches!(stretch.trim(), "" | "# EOF") {
                return Some(family(stretch));
            }
        }
        None
    })
}

/// Where the last family of a text begins, and what HELP has as its name.
pub(super) fn last_family(text: &str) -> (usize, &str) {
    let at = text.rfind(NEXT_HELP).map_or(0, |at| at + 1);
    (at, text[at..].strip_prefix(HELP).map_or("", first_word))
}

fn first_word(text: &str) -> &str {
    text.split([' ', '\n']).next().unwrap_or_default()
}

fn family(stretch: &str) -> Result<Family<'_>, Unreadable<'_>> {
    let Some(head) = stretch.strip_prefix(HELP) else {
        return Err(Unreadable { name: stretch.lines().next().unwrap_or_default(), reason: Reason::Syntax });
    };
    let Some((written, described)) = head.split_once(' ') else {
        return Err(Unreadable { name: first_word(head), reason: Reason::Syntax });
    };
    let of_this = |text: &'_ str| -> Option<usize> {
        let rest = text.strip_prefix(written)?.strip_prefix(' ')?;
        Some(text.len() - rest.len())
    };
    let mut reason = Reason::Syntax;
    for (end_of_help, opening) in described.match_indices("\n# TYPE ") {
        let typed = &described[end_of_help + opening.len()..];
        let Some((word, mut samples)) = of_this(typed).and_then(|at| typed[at..].split_once('\n')) else {
            continue;
        };
        let Some(ty) = type_of(word) else {
            // Of a name with a space in it, only the first part was taken for the name.
            reason = if word.contains(' ') { Reason::Name } else { Reason::Syntax };
            continue;
        };
        let mut unit = None;
        if let Some(stated) = samples.strip_prefix("# UNIT ")
            && let Some((its_unit, behind)) = of_this(stated).and_then(|at| stated[at..].split_once('\n'))
        {
            (unit, samples) = (Some(its_unit), behind);
        }
        let name = written.strip_suffix(ty.suffix()).filter(|name| !name.is_empty());
        let name = name.unwrap_or(written);
        return Ok(Family { written, name, ty, help: &described[..end_of_help], unit, samples });
    }
    Err(Unreadable { name: written, reason })
}

fn type_of(word: &str) -> Option<Type> {
    Type::ALL.into_iter().find(|ty| ty.openmetrics_name() == word)
}

impl<'t> Family<'t> {
    /// Begins reading its samples.
    pub(super) fn samples(&self) -> Samples<'t> {
        Samples { family: *self, rest: self.samples, labels: Labels::default() }
    }
}

/// The samples of a family, one after the other.
#[derive(Debug)]
pub(super) struct Samples<'t> {
    family: Family<'t>,
    rest: &'t str,
    labels: Labels<'t>,
}

/// A sample; its labels are borrowed from the reader, `le` among them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample<'t, 'r> {
    pub(super) part: Part,
    pub(super) labels: &'r [Label<'t>],
    pub(super) value: &'t str,
    /// What stands behind `# `, if that does.
    pub(super) exemplar: Option<&'t str>,
}

/// Name and value of a label, the value as it is escaped in the text.
pub(super) type Label<'t> = (&'t str, &'t str);

/// What a sample is to its family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The value itself, of all types but histograms.
    Value,
    Bucket,
    Sum,
    Count,
    /// When it began, which we don't show.
    Created,
}

impl<'t> Samples<'t> {
    /// The next sample, or why it can't be used.
    pub(super) fn next(&mut self) -> Option<Result<Sample<'t, '_>, Reason>> {
        loop {
            let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
            if line.is_empty() && rest.is_empty() {
                return None;
            }
            self.rest = rest;
            // Neither comments nor empty lines are samples.
            if !line.is_empty() && !line.starts_with('#') {
                return Some(self.sample(line));
            }
        }
    }

    fn sample(&mut self, line: &'t str) -> Result<Sample<'t, '_>, Reason> {
        let named = line.strip_prefix(self.family.written).ok_or(Reason::Syntax)?;
        let end = named.bytes().position(|byte| matches!(byte, b'{' | b' ')).ok_or(Reason::Syntax)?;
        let (suffix, rest) = named.split_at(end);
        let part = self.part(suffix).ok_or(Reason::Syntax)?;
        let rest = match rest.strip_prefix('{') {
            Some(labels) => self.labels.read(labels)?,
            None => {
                self.labels.pairs.clear();
                rest
            }
        };
        // What may follow the value is a time, which has no place in a snapshot, and an exemplar.
        let rest = rest.strip_prefix(' ').ok_or(Reason::Syntax)?;
        let (value, behind) = rest.split_once(' ').unwrap_or((rest, ""));
        let exemplar = behind.split_once("# ").map(|(_, exemplar)| exemplar);
        Ok(Sample { part, labels: &self.labels.pairs, value, exemplar })
    }

    fn part(&self, suffix: &str) -> Option<Part> {
        match (self.family.ty, suffix) {
            (Type::Histogram, "_bucket") => Some(Part::Bucket),
            (Type::Histogram, "_sum") => Some(Part::Sum),
            (Type::Histogram, "_count") => Some(Part::Count),
            (Type::Histogram, "") => None,
            (Type::Histogram | Type::Counter, "_created") => Some(Part::Created),
            (ty, suffix) => (suffix == ty.suffix()).then_some(Part::Value),
        }
    }
}

/// The labels of one sample after the other.
#[derive(Debug, Default)]
pub(super) struct Labels<'t> {
    pairs: Vec<Label<'t>>,
    /// Names that are known to be in order, which those of the next sample mostly are.
    checked: Vec<&'t str>,
    sorted: Vec<&'t str>,
}

impl<'t> Labels<'t> {
    /// Reads what follows `{`, and returns what follows `}`.
    ///
    /// Where one of several label sets is empty, the encoder leaves a comma that separates nothing.
    pub(super) fn read(&mut self, mut rest: &'t str) -> Result<&'t str, Reason> {
        self.pairs.clear();
        loop {
            rest = rest.trim_start_matches(',');
            if let Some(tail) = rest.strip_prefix('}') {
                self.check()?;
                return Ok(tail);
            }
            let (name, quoted) = rest.split_once('=').ok_or(Reason::Label)?;
            let quoted = quoted.strip_prefix('"').ok_or(Reason::Label)?;
            let end = value_end(quoted).ok_or(Reason::Label)?;
            self.pairs.push((name, &quoted[..end]));
            rest = &quoted[end + 1..];
        }
    }

    /// What was read last.
    pub(super) fn pairs(&self) -> &[Label<'t>] {
        &self.pairs
    }

    fn check(&mut self) -> Result<(), Reason> {
        let names = || self.pairs.iter().map(|(name, _)| *name);
        if names().eq(self.checked.iter().copied()) {
            return Ok(());
        }
        self.sorted.clear();
        self.sorted.extend(names());
        self.sorted.sort_unstable();
        let twice = self.sorted.windows(2).any(|pair| pair[0] == pair[1]);
        if twice || !names().all(|name| is_label_name(name) && !name.starts_with("__")) {
            return Err(Reason::Label);
        }
        self.checked.clear();
        self.checked.extend(self.pairs.iter().map(|(name, _)| *name));
        Ok(())
    }
}

/// Where the quote is that ends a value; none without one, or behind an escape that there isn't.
fn value_end(text: &str) -> Option<usize> {
    let mut bytes = text.bytes().enumerate();
    loop {
        match bytes.next()? {
            (at, b'"') => return Some(at),
            (_, b'\\') => {
                bytes.next().filter(|(_, escaped)| matches!(escaped, b'\\' | b'"' | b'n'))?;
            }
            _ => {}
        }
    }
}

/// A hash that is the same for the same labels in any order; an empty value is as good as none.
pub(super) fn hash(labels: &[Label<'_>], hasher: &impl BuildHasher) -> u64 {
    let full = labels.iter().filter(|(_, value)| !value.is_empty());
    full.fold(0, |sum, label| sum.wrapping_add(hasher.hash_one(label)))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn only(text: &str) -> Family<'_> {
        let mut families = families(text);
        match (families.next(), families.next()) {
            (Some(Ok(family)), None) => family,
            other => panic!("{other:?} of {text}"),
        }
    }

    /// Part, labels, value and exemplar.
    type Read<'t> = (Part, Vec<Label<'t>>, &'t str, Option<&'t str>);

    fn samples<'t>(family: &Family<'t>) -> Vec<Result<Read<'t>, Reason>> {
        let (mut samples, mut all) = (family.samples(), Vec::new());
        while let Some(sample) = samples.next() {
            all.push(
                sample
                    .map(|Sample { part, labels, value, exemplar }| (part, labels.to_vec(), value, exemplar)),
            );
        }
        all
    }

    #[test]
    fn a_family_is_taken_apart() {
        let family = only(concat!(
            "# HELP disk_read_bytes Read.\n",
            "# TYPE disk_read_bytes counter\n",
            "# UNIT disk_read_bytes bytes\n",
            "disk_read_bytes_total{disk=\"a, \\\"b\\\" } \\\\\"} 17 # {trace_id=\"x} 3\"} 4 1.5\n",
            "disk_read_bytes_total{,disk=\"c\",,part=\"\",} 0.5 1.5\n",
            "disk_read_bytes_total{} 1 1.5 # {} 1\n",
            "disk_read_bytes_created 1.5e9\n",
            "# EOF\n",
        ));
        assert_eq!((family.name, family.ty, family.help), ("disk_read_bytes", Type::Counter, "Read."));
        assert_eq!(family.unit, Some("bytes"));
        let expected = [
            Ok((Part::Value, vec![("disk", "a, \\\"b\\\" } \\\\")], "17", Some("{trace_id=\"x} 3\"} 4 1.5"))),
            Ok((Part::Value, vec![("disk", "c"), ("part", "")], "0.5", None)),
            Ok((Part::Value, vec![], "1", Some("{} 1"))),
            Ok((Part::Created, vec![], "1.5e9", None)),
        ];
        assert_eq!(samples(&family), expected);
    }

    #[test]
    fn lines_that_are_no_samples_cost_themselves_only() {
        let family = only(concat!(
            "# HELP a \n# TYPE a gauge\n",
            "b 1\n",
            "a_total 1\n",
            "a\n",
            "a{b=\"c\" 1\n",
            "a{b=c} 1\n",
            "a{b=\"\\t\"} 1\n",
            "a{b=\"c\"}1\n",
            "a{b=\"c\",b=\"d\"} 1\n",
            "\n",
            "a 1",
        ));
        let syntax = Err(Reason::Syntax);
        let label = Err(Reason::Label);
        let value = Ok((Part::Value, vec![], "1", None));
        let expected = [
            syntax.clone(),
            syntax.clone(),
            syntax.clone(),
            label.clone(),
            label.clone(),
            label.clone(),
            syntax,
            label,
            value,
        ];
        assert_eq!(samples(&family), expected);
    }

    #[test]
    fn what_is_no_family_has_a_reason() {
        let reasons = |text| families(text).map(|f| f.map(|f| f.name)).collect::<Vec<_>>();
        let unreadable = |name, reason| Err(Unreadable { name, reason });
        assert_eq!(reasons(""), []);
        assert_eq!(reasons("\n# EOF\n"), []);
        assert_eq!(reasons("a 1\n# EOF\n"), [unreadable("a 1", Reason::Syntax)]);
        assert_eq!(reasons("# HELP a"), [unreadable("a", Reason::Syntax)]);
        assert_eq!(reasons("# HELP a A\n# TYPE b gauge\n"), [unreadable("a", Reason::Syntax)]);
        assert_eq!(reasons("# HELP a A\n# TYPE a summary\n"), [unreadable("a", Reason::Syntax)]);
        assert_eq!(reasons("# HELP a b A\n# TYPE a b gauge\n"), [unreadable("a", Reason::Name)]);
        let both = "# HELP a A\n# TYPE b gauge\n# HELP c C\n# TYPE c info\n";
        assert_eq!(reasons(both), [unreadable("a", Reason::Syntax), Ok("c")]);
    }

    #[test]
    fn the_hash_is_that_of_a_set() {
        let hasher = crate::sync::RandomState::default();
        let hash = |labels: &[Label<'_>]| hash(labels, &hasher);
        assert_eq!(hash(&[("a", "1"), ("b", "2")]), hash(&[("b", "2"), ("c", ""), ("a", "1")]));
        assert_ne!(hash(&[("a", "1"), ("b", "2")]), hash(&[("a", "2"), ("b", "1")]));
        assert_ne!(hash(&[("a", "bc")]), hash(&[("ab", "c")]));
    }
}
