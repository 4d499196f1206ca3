from darkroom_build import chart_archive, image_context, lambda_zip, linters, page, typecheck

_WITH_TARGETS = (chart_archive, image_context, lambda_zip, page)


def target_types():
    return [target for module in _WITH_TARGETS for target in module.target_types()]


def rules():
    return [rule for module in (*_WITH_TARGETS, linters, typecheck) for rule in module.rules()]
