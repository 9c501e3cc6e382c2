"""The words that a report of a browser may leave with, by what they name; anything else is `other`.

From the specifications: CSP 3, Permissions Policy, Document Policy, Network Error Logging, COEP and COOP (HTML), Crash,
Deprecation and Intervention Reporting, Integrity-Policy; the ids of deprecations and interventions are Chromium's.
"""

from __future__ import annotations

from collections.abc import Mapping


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


TYPES: Mapping[str, str] = {
    "csp-violation": "csp",
    "coep": "coep",
    "coop": "coop",
    "crash": "crash",
    "deprecation": "deprecation",
    "intervention": "intervention",
    "document-policy-violation": "document-policy",
    "permissions-policy-violation": "permissions-policy",
    "potential-permissions-policy-violation": "permissions-policy",
    "network-error": "network-error",
    "integrity-violation": "integrity",
}
"""Type as the browser says it → type as it is kept."""

DIRECTIVES = _words(
    "base-uri block-all-mixed-content child-src connect-src default-src fenced-frame-src font-src form-action "
    "frame-ancestors frame-src img-src manifest-src media-src object-src prefetch-src "
    "require-trusted-types-for sandbox script-src script-src-attr script-src-elem style-src style-src-attr "
    "style-src-elem trusted-types upgrade-insecure-requests worker-src"
)
FEATURES = _words(
    "accelerometer ambient-light-sensor attribution-reporting autoplay bluetooth browsing-topics camera "
    "clipboard-read clipboard-write compute-pressure cross-origin-isolated display-capture document-write "
    "encrypted-media force-load-at-top fullscreen gamepad geolocation gyroscope hid identity-credentials-get "
    "idle-detection include-js-call-stacks-in-crash-reports js-profiling keyboard-map local-fonts magnetometer "
    "microphone midi network-efficiency-guardrails otp-credentials oversized-images payment picture-in-picture "
    "publickey-credentials-create publickey-credentials-get screen-wake-lock serial speaker-selection "
    "storage-access sync-xhr unload unsized-media usb vertical-scroll web-share window-management "
    "xr-spatial-tracking"
)
IDS = _words(
    "AttributionReporting AuthorizationCoveredByWildcard BatteryStatusInsecureOrigin CSSCustomStateDeprecatedSyntax "
    "CSSSelectorInternalMediaControlsOverlayCastButton CanRequestURLHTTPContainingNewline ChromeLoadTimes "
    "CrossOriginAccessBasedOnDocumentDomain CrossOriginWindowAlert CrossOriginWindowConfirm "
    "DOMMutationEvents DocumentDomainSettingWithoutOriginAgentClusterHeader EventPath ExpectCTHeader "
    "GeolocationInsecureOrigin GeolocationInsecureOriginDeprecatedNotRemoved GetUserMediaInsecureOrigin "
    "H1UserAgentFontSizeInSection HeavyAdIntervention HostCandidateAttributeGetter IdentityInCanMakePaymentEvent "
    "IgnoredEventCancel InsecurePrivateNetworkSubresourceRequest LocalCSSFileExtensionRejected "
    "MediaSourceAbortRemove MediaSourceDurationTruncatingBuffered NavigatorVibrate NavigatorVibrateSubFrame "
    "NoSysexWebMIDIWithoutPermission NotificationInsecureOrigin NotificationPermissionRequestedIframe "
    "ObsoleteCreateImageBitmapImageOrientationNone ObsoleteWebRtcCipherSuite OpenWebDatabaseInsecureContext "
    "OverflowVisibleOnReplacedElement PaymentInstruments PaymentRequestCSPViolation PersistentQuotaType "
    "PictureSourceSrc PrefixedCancelAnimationFrame PrefixedRequestAnimationFrame PrefixedStorageInfo "
    "PrefixedVideoDisplayingFullscreen PrefixedVideoEnterFullscreen PrefixedVideoSupportsFullscreen "
    "PrivacySandboxExtensionsAPI RTCConstraintEnableDtlsSrtpFalse RTCConstraintEnableDtlsSrtpTrue "
    "RTCPeerConnectionGetStatsLegacyNonCompliant RangeExpand RequestedSubresourceWithEmbeddedCredentials "
    "RtcpMuxPolicyNegotiate SharedArrayBufferConstructedWithoutIsolation SharedStorage StorageAccessAPI "
    "TextToSpeech_DisallowedByAutoplay UnloadHandler V8SharedArrayBufferConstructedInExtensionWithoutIsolation "
    "WebSQL WindowPlacementPermissionDescriptorUsed WindowPlacementPermissionPolicyParsed "
    "XHRJSONEncodingDetection XMLHttpRequestSynchronousInNonWorkerOutsideBeforeUnload XRSupportsSession XSLT"
)
CAUSES = _words(
    "oom unresponsive corp navigation worker-initialization access-from-coop-page-to-openee "
    "access-from-coop-page-to-opener access-from-coop-page-to-other access-to-coop-page-from-openee "
    "access-to-coop-page-from-opener access-to-coop-page-from-other navigate-from-document navigate-to-document "
    "navigation-from-response navigation-to-response script style "
    "dns.unreachable dns.name_not_resolved dns.failed dns.address_changed tcp.timed_out tcp.closed tcp.reset "
    "tcp.refused tcp.aborted tcp.address_invalid tcp.address_unreachable tcp.failed "
    "tls.version_or_cipher_mismatch tls.bad_client_auth_cert tls.cert.name_invalid tls.cert.date_invalid "
    "tls.cert.authority_invalid tls.cert.invalid tls.cert.revoked tls.cert.pinned_key_not_in_cert_chain "
    "tls.protocol.error tls.failed http.error http.protocol.error http.response.invalid "
    "http.response.redirect_loop http.failed abandoned unknown ok"
)
"""Why a page crashed, what COEP, COOP or Integrity-Policy stopped, or how a request failed."""

BLOCKED = (
    *("inline", "eval", "wasm-eval", "trusted-types-policy", "trusted-types-sink", "self"),
    *("data", "blob", "about", "filesystem", "extension", "site"),
)
"""What was stopped: something in the page, an address by its scheme alone, or another `site`, which is then named."""
DISPOSITIONS = ("enforce", "report")
