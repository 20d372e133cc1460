"""How every form of the market is drawn."""

from django.forms.renderers import TemplatesSetting


class MarketFormRenderer(TemplatesSetting):
    """Forms and fields come from templates/django/forms/market; widgets stay Django's own, for the admin's sake."""

    form_template_name = "django/forms/market/form.html"
    field_template_name = "django/forms/market/field.html"
