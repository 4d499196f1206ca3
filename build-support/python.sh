# Sourced by ./pants and ./darkroom: finds a Python of one minor version, from pyenv or PATH.
# shellcheck shell=bash

find_python() { # find_python 3.12 -> prints the path of a working one, or returns 1
  local candidate
  # pyenv's own folders first: its shims on PATH are slow, and fail where no version is selected.
  for candidate in "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python "$(type -P "python$1")" "$(type -P python3)"; do
    if [[ -x $candidate ]] && [[ $("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) == "$1" ]]; then
      echo "$candidate"
      return
    fi
  done
  return 1
}

need_python() { # need_python 3.12 "what it is needed for" -> as find_python, or says what to do
  find_python "$1" && return
  {
    echo "${0##*/}: no Python $1 found, neither on PATH nor in pyenv. $2"
    echo "  with pyenv:           pyenv install $1"
    echo "  Debian, Ubuntu:       apt-get install python$1 python$1-venv   (where the release has it)"
    echo "  macOS with Homebrew:  brew install python@$1"
  } >&2
  return 1
}
