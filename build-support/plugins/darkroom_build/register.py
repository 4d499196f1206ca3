from darkroom_build import lambda_zip, linters, typecheck


def target_types():
    return lambda_zip.target_types()


def rules():
    return (*lambda_zip.rules(), *linters.rules(), *typecheck.rules())
