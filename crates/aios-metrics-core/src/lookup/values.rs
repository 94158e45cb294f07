//! Label values as callers give them.

/// Label values in the order in which the family was registered.
pub(crate) trait Values {
    /// The value of the label with the given place.
    fn get(&self, index: usize) -> &str;
}

/// Values alone, in the order of registration.
impl Values for &[&str] {
    #[inline]
    fn get(&self, index: usize) -> &str {
        self[index]
    }
}

/// Name and value pairs in the order of registration.
pub(crate) struct InOrder<'a>(pub(crate) &'a [(&'a str, &'a str)]);

impl Values for InOrder<'_> {
    #[inline]
    fn get(&self, index: usize) -> &str {
        self.0[index].1
    }
}

/// Name and value pairs in any order; each name of the family is among them.
pub(crate) struct AnyOrder<'a> {
    pub(crate) names: &'a [Box<str>],
    pub(crate) pairs: &'a [(&'a str, &'a str)],
}

impl Values for AnyOrder<'_> {
    fn get(&self, index: usize) -> &str {
        let name = &*self.names[index];
        self.pairs.iter().find(|(given, _)| *given == name).map_or("", |(_, value)| value)
    }
}

/// The same value for every label.
pub(crate) struct Same<'a>(pub(crate) &'a str);

impl Values for Same<'_> {
    fn get(&self, _index: usize) -> &str {
        self.0
    }
}
