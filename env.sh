# Puts the project's tools on PATH, so that you can type `ape ...` or `pytest` yourself:
#
#     . ./env.sh
#
# For any POSIX shell; one that is neither bash nor zsh must source it from the checkout's root.

clearway_root=${BASH_SOURCE:-$0} # bash names this file by the first, zsh by the second
case $clearway_root in
  */env.sh) clearway_root=$(CDPATH='' cd "${clearway_root%/*}" && pwd) ;;
  *) clearway_root=$PWD ;;
esac

if [ ! -f "$clearway_root/.venv/.set-up" ]; then
  echo "env.sh: nothing is set up in $clearway_root; run 'make setup' there first" >&2
  unset clearway_root
  return 1
fi

export PATH="$clearway_root/.venv/bin:$clearway_root/node_modules/.bin:$PATH"
export VIRTUAL_ENV="$clearway_root/.venv"
export APE_DATA_FOLDER="${APE_DATA_FOLDER:-$clearway_root/.ape-data}"
export SOLCX_BINARY_PATH="$clearway_root/tools/solc"
export VVM_BINARY_PATH="$clearway_root/.ape-data/vvm" # unset, ape-vyper makes ~/.vvm
unset clearway_root
