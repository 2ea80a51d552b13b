"""`python -m verifier`, or `carnet-verify` where it is installed alone."""

from verifier.command import main

if __name__ == "__main__":
    main()
