#!/bin/bash
# Starts RabbitMQ with our queues in it (definitions.json), and the user that the environment names:
# where definitions are loaded, RabbitMQ makes no user of its own.
set -euo pipefail

as_json() { # a text as it stands between quotes, whatever is in it
    local text=${1//\\/\\\\}
    printf '%s' "${text//\"/\\\"}"
}

definitions=$(</opt/aip/definitions.json)
# Quoted, or an & would stand for what it replaces.
# shellcheck disable=SC2016 # what is replaced is the name
definitions=${definitions//'${RABBITMQ_USER}'/"$(as_json "$RABBITMQ_USER")"}
# shellcheck disable=SC2016 # here too
definitions=${definitions//'${RABBITMQ_PASSWORD}'/"$(as_json "$RABBITMQ_PASSWORD")"}

install -d -m 0755 /run/aip
(umask 077 && printf '%s' "$definitions" >/run/aip/definitions.json)
if [[ $(id -u) == 0 ]]; then chown -R rabbitmq: /run/aip; fi
printf 'load_definitions = /run/aip/definitions.json\n' >/etc/rabbitmq/conf.d/90-ai-platform.conf

exec docker-entrypoint.sh "$@"
