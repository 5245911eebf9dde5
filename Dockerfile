# syntax=docker/dockerfile:1
#
# Sluice's image: one static program, no shell, nobody's root, and nothing that has to be written to.
#
#   docker buildx build --platform linux/amd64,linux/arm64 --build-arg VERSION=$(git describe --tags --always) \
#     --sbom=true --provenance=true --tag REGISTRY/sluice:VERSION --push .
#
# sluice-healthz, for Pods of several containers, is an image of its own: add --target sluice-healthz.
ARG GO_VERSION=1.26
ARG BASE=gcr.io/distroless/static-debian13:nonroot

# The compiler runs on the machine that builds, and builds for the one that is asked for.
FROM --platform=$BUILDPLATFORM golang:${GO_VERSION} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG TARGETOS TARGETARCH
ARG VERSION=unknown
ENV CGO_ENABLED=0 GOWORK=off GOOS=${TARGETOS} GOARCH=${TARGETARCH}
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    go build -tags grpcnotrace -trimpath -ldflags "-s -w -X github.com/sluice-lb/sluice/internal/version.linked=${VERSION}" \
    -o /out/ ./cmd/sluice ./cmd/sluice-healthz

FROM ${BASE} AS sluice-healthz
COPY --from=build /out/sluice-healthz /sluice-healthz
USER 65532:65532
ENTRYPOINT ["/sluice-healthz"]

FROM ${BASE} AS sluice
COPY --from=build /out/sluice /sluice
USER 65532:65532
ENTRYPOINT ["/sluice"]
