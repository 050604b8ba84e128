#!/bin/sh
# A step of one's own: one JSON document comes in, JSON lines go out; the last tells the result.
# Needs jq. The artefact was verified before this program was started.
set -eu
order=$(cat)
field() { printf '%s' "$order" | jq -r "$1"; }
dir=$(field .params.dir)
artifact=$(field .artifact_path)
say() { jq -cn --arg type "$1" --arg text "$2" '{type: $type, text: $text}'; }

say log "unpacking $(field .artifact_digest) to $dir"
mkdir -p "$dir/incoming"
tar -xzf "$artifact" -C "$dir/incoming"
rm -rf "$dir/previous"
if [ -d "$dir/current" ]; then mv "$dir/current" "$dir/previous"; fi
mv "$dir/incoming" "$dir/current"

jq -cn '{type: "result", outcome: "changed", message: "deployed"}'
