//! Label values as callers give them.

/// Label values in the order in which the family was registered, as many as it has labels.
pub(crate) trait Values {
    fn iter(&self) -> impl Iterator<Item = &str>;
}

/// Values alone, in the order of registration.
impl Values for &[&str] {
    #[inline]
    fn iter(&self) -> impl Iterator<Item = &str> {
        <[&str]>::iter(self).copied()
    }
}

/// Name and value pairs in the order of registration.
pub(crate) struct InOrder<'a>(pub(crate) &'a [(&'a str, &'a str)]);

impl Values for InOrder<'_> {
    #[inline]
    fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, value)| *value)
    }
}

/// Name and value pairs in any order; each name of the family is among them.
pub(crate) struct AnyOrder<'a> {
    pub(crate) names: &'a [Box<str>],
    pub(crate) pairs: &'a [(&'a str, &'a str)],
}

impl Values for AnyOrder<'_> {
    fn iter(&self) -> impl Iterator<Item = &str> {
        self.names
            .iter()
            .map(|name| self.pairs.iter().find(|(given, _)| *given == &**name).map_or("", |(_, value)| value))
    }
}

/// The same value for each of so many labels.
pub(crate) struct Same<'a>(pub(crate) &'a str, pub(crate) usize);

impl Values for Same<'_> {
    fn iter(&self) -> impl Iterator<Item = &str> {
        std::iter::repeat_n(self.0, self.1)
    }
}
