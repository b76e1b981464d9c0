//! The security headers of the pages (OWASP ASVS 5.0 section 3.4).
//!
//! Two policies, because the pages are on two kinds of origins: on the public host everything is Gatepost's; on a
//! protected host only the page is, so it has its one style sheet inline, allowed by its hash. Traefik sets HSTS.

const PERMISSIONS: &str = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()";

/// For every page of the public host. `same-origin` instead of `no-referrer`: under the latter browsers send
/// `Origin: null` with our own forms (Fetch section 3.1), and Gatepost could not recognise them as its own.
pub const PUBLIC_HEADERS: [(&str, &str); 6] = [
    ("Cache-Control", "no-store"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", PERMISSIONS),
    ("Referrer-Policy", "same-origin"),
    ("X-Content-Type-Options", "nosniff"),
];

/// For every answer of `/verify` that a person may see, on the protected host's own origin.
pub const GATE_HEADERS: [(&str, &str); 4] = [
    ("Cache-Control", "no-store"),
    ("Permissions-Policy", PERMISSIONS),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
];

/// The public host's policy. Chromium applies `form-action` to every redirect that answers a form, so the origin of
/// the provider's `end_session_endpoint` must be among `form_targets` of a page with a sign-out form.
pub fn public_content_security_policy(form_targets: &[&str]) -> String {
    let form_action = form_action("'self'", form_targets);
    format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; {form_action}; base-uri 'none'; frame-ancestors 'none'"
    )
}

/// A protected host's policy: forms are forbidden unless `form_targets` names their targets.
/// `style` is the hash of the style sheet in the page.
pub fn gate_content_security_policy(style: &str, form_targets: &[&str]) -> String {
    let form_action = form_action(if form_targets.is_empty() { "'none'" } else { "'self'" }, form_targets);
    format!("default-src 'none'; style-src '{style}'; {form_action}; base-uri 'none'; frame-ancestors 'none'")
}

/// [`gate_content_security_policy`] of a page that loads an image from its own origin.
pub fn gate_content_security_policy_with_image(style: &str) -> String {
    format!("{}; img-src 'self'", gate_content_security_policy(style, &[]))
}

/// Leaves out a target that could end the directive: this redirect is then blocked, and nothing more is allowed.
fn form_action(first: &str, form_targets: &[&str]) -> String {
    let is_origin = |target: &&&str| {
        target.starts_with("http") && target.bytes().all(|b| b.is_ascii_graphic() && !b";,'".contains(&b))
    };
    let targets = form_targets.iter().filter(is_origin);
    targets.fold(format!("form-action {first}"), |directive, target| format!("{directive} {target}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_may_lead_only_where_its_redirects_go() {
        let public = public_content_security_policy(&["https://login.example.com"]);
        assert!(public.contains("form-action 'self' https://login.example.com;"), "{public}");
        let gate = gate_content_security_policy("sha256-x", &[]);
        assert!(gate.contains("form-action 'none';"), "{gate}");
    }

    #[test]
    fn a_target_cannot_add_a_directive() {
        let policy =
            public_content_security_policy(&["https://a; script-src *", "'unsafe-inline'", "https://a,b"]);
        assert!(policy.contains("form-action 'self'; base-uri"), "{policy}");
    }
}
