"""The crash points of the store, in the order in which they are passed."""

RECEIVE_WRITTEN = "receive.1.written"
RECEIVE_COMMITTED = "receive.2.committed"
APPLY_LOCKED = "apply.1.locked"
APPLY_INBOX = "apply.2.inbox"
APPLY_DECIDED = "apply.3.decided"
APPLY_EVOLVED = "apply.4.evolved"
APPLY_WRITTEN = "apply.5.written"
APPLY_COMMITTED = "apply.6.committed"
PUBLISH_WRITTEN = "publish.1.written"
PUBLISH_COMMITTED = "publish.2.committed"

RECEIVE_POINTS = (RECEIVE_WRITTEN, RECEIVE_COMMITTED)
APPLY_POINTS = (APPLY_LOCKED, APPLY_INBOX, APPLY_DECIDED, APPLY_EVOLVED, APPLY_WRITTEN, APPLY_COMMITTED)
PUBLISH_POINTS = (PUBLISH_WRITTEN, PUBLISH_COMMITTED)
POINTS = RECEIVE_POINTS + APPLY_POINTS + PUBLISH_POINTS
