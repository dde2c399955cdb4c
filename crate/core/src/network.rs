//! Why a connection failed, from what the platform says about it.
//!
//! Node and Electron name the cause (`ECONNREFUSED`, `net::ERR_CERT_DATE_INVALID`); browsers do not, on purpose, so that
//! a page can't explore a network.

use crate::text::contains;

/// Why there is no answer, as a closed set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkCause {
    /// The name of the server was not found.
    Dns,
    /// There is no way to the server: this machine is offline, or the network is another one.
    Offline,
    /// Nothing listens at the address, or a firewall refuses.
    Refused,
    /// The connection broke before the answer was complete.
    Lost,
    /// The certificate is not trusted, or the encryption could not be agreed on.
    Tls,
    /// The proxy of this machine failed.
    Proxy,
    /// The server sends its callers elsewhere, which is refused: credentials would go with them.
    Redirect,
    /// The platform does not say.
    Other,
}

impl NetworkCause {
    /// Reads a cause out of an error's code or message; `None` when neither names one.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        SAYINGS
            .iter()
            .find(|(saying, _)| contains(text, saying))
            .map(|(_, cause)| *cause)
    }

    /// The spelling in TypeScript.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Offline => "offline",
            Self::Refused => "refused",
            Self::Lost => "lost",
            Self::Tls => "tls",
            Self::Proxy => "proxy",
            Self::Redirect => "redirect",
            Self::Other => "other",
        }
    }

    /// Whether the same request may succeed later without anybody changing anything.
    #[must_use]
    pub const fn retryable(self) -> bool {
        !matches!(self, Self::Tls | Self::Redirect)
    }
}

/// Parts of the codes of libuv, undici, OpenSSL and Chromium; then, since a host's name may hold anything, words by which
/// messages without a code are recognised.
const SAYINGS: [(&str, NetworkCause); 24] = [
    ("ENOTFOUND", NetworkCause::Dns),
    ("EAI_AGAIN", NetworkCause::Dns),
    ("NAME_NOT_RESOLVED", NetworkCause::Dns),
    ("UNREACH", NetworkCause::Offline),
    ("ENETDOWN", NetworkCause::Offline),
    ("DISCONNECTED", NetworkCause::Offline),
    ("CONNREFUSED", NetworkCause::Refused),
    ("CONNECTION_REFUSED", NetworkCause::Refused),
    ("CONNRESET", NetworkCause::Lost),
    ("CONNECTION_RESET", NetworkCause::Lost),
    ("CONNECTION_CLOSED", NetworkCause::Lost),
    ("EPIPE", NetworkCause::Lost),
    ("ERR_SOCKET", NetworkCause::Lost),
    ("ERR_PROXY", NetworkCause::Proxy),
    ("ERR_TUNNEL", NetworkCause::Proxy),
    ("CERT", NetworkCause::Tls),
    ("ERR_SSL", NetworkCause::Tls),
    ("ERR_TLS", NetworkCause::Tls),
    ("UNABLE_TO", NetworkCause::Tls),
    ("EPROTO", NetworkCause::Tls),
    ("Proxy response", NetworkCause::Proxy),
    ("to proxies", NetworkCause::Proxy),
    ("certificate", NetworkCause::Tls),
    ("unexpected redirect", NetworkCause::Redirect),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_platforms_say_is_understood() {
        let rows = [
            ("ENOTFOUND", NetworkCause::Dns),
            ("getaddrinfo EAI_AGAIN example.org", NetworkCause::Dns),
            ("net::ERR_NAME_NOT_RESOLVED", NetworkCause::Dns),
            ("ENETUNREACH", NetworkCause::Offline),
            ("net::ERR_INTERNET_DISCONNECTED", NetworkCause::Offline),
            ("connect ECONNREFUSED 127.0.0.1:9", NetworkCause::Refused),
            (
                "net::ERR_CONNECTION_REFUSED at https://example.org",
                NetworkCause::Refused,
            ),
            ("read ECONNRESET", NetworkCause::Lost),
            ("UND_ERR_SOCKET", NetworkCause::Lost),
            ("CERT_HAS_EXPIRED", NetworkCause::Tls),
            ("DEPTH_ZERO_SELF_SIGNED_CERT", NetworkCause::Tls),
            ("SELF_SIGNED_CERT_IN_CHAIN", NetworkCause::Tls),
            ("UNABLE_TO_VERIFY_LEAF_SIGNATURE", NetworkCause::Tls),
            ("UNABLE_TO_GET_ISSUER_CERT_LOCALLY", NetworkCause::Tls),
            ("ERR_TLS_CERT_ALTNAME_INVALID", NetworkCause::Tls),
            ("ERR_SSL_WRONG_VERSION_NUMBER", NetworkCause::Tls),
            ("net::ERR_CERT_DATE_INVALID", NetworkCause::Tls),
            ("The certificate for this server is invalid.", NetworkCause::Tls),
            ("net::ERR_PROXY_CONNECTION_FAILED", NetworkCause::Proxy),
            ("net::ERR_TUNNEL_CONNECTION_FAILED", NetworkCause::Proxy),
            ("Proxy response (407) !== 200 when HTTP Tunneling", NetworkCause::Proxy),
            (
                "Failed to establish a socket connection to proxies: PROXY 127.0.0.1:9",
                NetworkCause::Proxy,
            ),
            ("unexpected redirect", NetworkCause::Redirect),
        ];
        for (text, cause) in rows {
            assert_eq!(NetworkCause::read(text), Some(cause), "{text}");
        }
        for silent in [
            "",
            "fetch failed",
            "Failed to fetch",
            "Load failed",
            "ETIMEDOUT",
            "NetworkError when attempting to fetch resource.",
            "é€",
        ] {
            assert_eq!(NetworkCause::read(silent), None, "{silent}");
        }
    }
}
