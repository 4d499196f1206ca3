# Sourced: finds a container engine and makes it usable; sets `engine_command` and `run_options`.
# shellcheck shell=bash disable=SC2034
image_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
run_options=()

use_engine() { # docker if one answers, else podman; DARKROOM_ENGINE names one
  engine=${DARKROOM_ENGINE:-}
  if [[ -z $engine ]]; then
    local docker
    docker=$(type -P docker) || docker=
    # Started by a script that did this already, the `docker` on the path is our own, which is podman.
    if [[ -n $docker && ! $docker -ef $image_folder/podman/docker ]] && timeout 10 docker info >/dev/null 2>&1; then
      engine=docker
    elif type -P podman >/dev/null; then
      engine=podman
    else
      echo "${0##*/}: no container engine: neither a Docker that answers nor podman (Debian: apt-get install podman buildah runc)" >&2
      return 1
    fi
  fi
  export DARKROOM_ENGINE=$engine
  if [[ $engine == podman ]]; then
    export PATH=$image_folder/podman:$PATH CONTAINERS_CONF=$image_folder/containers.conf
    # Its health checks are timers of systemd, which is not everywhere.
    run_options=(--cgroups=no-conmon --ulimit=host --no-healthcheck)
    if type -P runc >/dev/null; then
      engine_command=(podman --runtime runc)
    else
      engine_command=(podman)
    fi
  else
    engine_command=(docker)
  fi
}
