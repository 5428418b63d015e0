module independent

go 1.26.0

// Versions before v0.40.0 take forged tiles for good ones (GO-2026-6179).
require golang.org/x/mod v0.43.0
