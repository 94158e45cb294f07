//! The page at `/`, for people: what this is, and where to go.

use std::fmt::Write;

use aios_metrics_core::Identity;

/// Allows the style that stands in the page, and nothing else: no script, no image, no form.
pub(crate) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
                                 frame-ancestors 'none'";

const ENDPOINTS: [(&str, &str); 4] = [
    ("metrics", "The metrics page, for Prometheus"),
    ("snapshot", "The document of this instance, as JSON"),
    ("healthz", "Whether the exporter answers"),
    ("readyz", "Whether the service is ready"),
];

/// The page as HTML. Links are relative, so that it works behind a proxy that adds a prefix.
pub(crate) fn render(identity: &Identity) -> String {
    let [block, instance, node, boot] =
        [&identity.block_id, &identity.instance_id, &identity.node_id, &identity.boot_id]
            .map(|text| escape(text));
    let version = env!("CARGO_PKG_VERSION");
    let mut links = String::new();
    for (path, about) in ENDPOINTS {
        let _ = write!(links, "\n<li><a href=\"{path}\">/{path}</a> <span>{about}</span></li>");
    }
    format!(
        r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{block} metrics</title>
<style>
:root {{ color-scheme: light dark; --ink: #1c2430; --soft: #57606a; --line: #d0d7de; --link: #0550ae; --page: #fff }}
@media (prefers-color-scheme: dark) {{
  :root {{ --ink: #e6edf3; --soft: #9da7b3; --line: #3d444d; --link: #79b8ff; --page: #12161c }}
}}
body {{ margin: 0; padding: 3rem 1.25rem; background: var(--page); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif }}
main {{ max-width: 40rem; margin: 0 auto; overflow-wrap: anywhere }}
h1 {{ margin: 0 0 1.5rem; font-size: 1.75rem; line-height: 1.2 }}
h2 {{ margin: 2.5rem 0 .5rem; font-size: 1.125rem }}
dl {{ display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.5rem; margin: 0 }}
dt, span, footer {{ color: var(--soft) }}
dd {{ margin: 0 }}
ul {{ margin: 0; padding: 0; list-style: none }}
li {{ display: flex; flex-wrap: wrap; gap: 0 1rem; padding: .6rem 0; border-top: 1px solid var(--line) }}
a {{ min-width: 7rem; color: var(--link); font-family: ui-monospace, monospace }}
a:focus-visible {{ outline: 2px solid; outline-offset: 3px }}
footer {{ margin-top: 2.5rem; font-size: .875rem }}
</style>
</head>
<body>
<main>
<h1>{block}</h1>
<dl>
<dt>Instance</dt><dd>{instance}</dd>
<dt>Node</dt><dd>{node}</dd>
<dt>Boot</dt><dd>{boot}</dd>
</dl>
<h2>Endpoints</h2>
<ul>{links}
</ul>
<footer>aios-metrics {version}</footer>
</main>
</body>
</html>
"#
    )
}

/// Text as it may stand in an element or in a quoted attribute.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_identity_says_is_text_and_never_markup() {
        let nasty = "</title><script>alert('1')</script>&\"";
        let page = render(&Identity::new(nasty, nasty, nasty));
        let escaped = "&lt;/title&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&quot;";
        assert_eq!(page.matches(escaped).count(), 4, "{page}");
        assert!(!page.contains("<script"), "{page}");
    }
}
